"""The MCP edge: protocol in, protocol out. Import `tiny_moa.server.app` to serve; `team` needs no protocol."""
