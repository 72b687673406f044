"""The Translator: reads what is wanted, protects what must stay, translates, and checks both."""

from tiny_moa.experts.translate.expert import TRANSLATE_TEMPLATE, TranslateExpert

__all__ = ["TRANSLATE_TEMPLATE", "TranslateExpert"]
