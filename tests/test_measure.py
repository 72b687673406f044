"""`tiny-moa calibrate` over scripted models: what it keeps, and that it goes on where it was ended."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.fakes import ScriptedLauncher
from tests.teams import scripted_team
from tiny_moa.deliberation.calibration import load_calibration
from tiny_moa.errors import CatalogError
from tiny_moa.measure import _calibrate
from tiny_moa.models.runtime import CompletionRequest
from tiny_moa.models.stores import data_folder


def answers(request: CompletionRequest) -> str:
    return "Answer: 29" if request.schema is None else '{"C1": 9, "C2": -9}'


async def calibrated(folder: Path, *names: str, n: int, anew: bool = False) -> tuple[str, int]:
    """What the command prints, and how many requests it made."""
    given = argparse.Namespace(names=names, kind=["math"], n=n, anew=anew, hours=1.0)
    launcher, out = ScriptedLauncher(answers), io.StringIO()
    async with scripted_team(folder, launcher) as team:
        await _calibrate(team, given, Console(file=out, width=400))
    return out.getvalue(), sum(len(runtime.requests) for runtime in launcher.runtimes)


async def test_it_goes_on_where_it_was_ended_unless_it_is_to_begin_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    text, requests = await calibrated(tmp_path, n=1, anew=True)
    assert requests == 5
    assert "smollm2-135m, math: 1 of 1 tasks right" in text
    folder = data_folder({"XDG_DATA_HOME": str(tmp_path / "data")})
    (record,) = [r for name, r in load_calibration(folder).records.items() if r.verdicts]
    assert dict(record.outcomes) == {"math-1": True}
    assert dict(record.verdicts) == {"math-1": ((9.0, -9.0), (-9.0, 9.0))}
    assert (await calibrated(tmp_path, n=1))[1] == 0
    text, requests = await calibrated(tmp_path, n=3)
    assert requests == 2 * 5
    assert "1 of 3 tasks right" in text
    assert (await calibrated(tmp_path, n=1, anew=True))[1] == 5


async def test_a_model_that_could_not_sit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no model 'nobody' is here that could sit; choose among: smollm2-135m"):
        await calibrated(tmp_path, "nobody", n=1)
