"""The rooms stay apart: what decides starts without a server, a GPU or a screen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"faust", "redis", "torch", "transformers", "streamlit", "plotly", "kafka", "aiokafka", "httpx", "msgspec"}
PURE = sorted(
    str(path.relative_to(ROOT).with_suffix("")).replace("/", ".")
    for path in [*(ROOT / "stream/core").glob("*.py"), ROOT / "model/labels.py", ROOT / "model/text.py"]
    if path.name != "__init__.py"
)


def loaded_by(module: str) -> set[str]:
    code = f"import {module}, sys; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(out.stdout.split())


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_brings_nothing_but_the_standard_library(module: str) -> None:
    third_party = {
        name.split(".")[0]
        for name in loaded_by(module)
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith(("_", "stream", "model"))
    }
    # Editable installs of any package leave their finders behind.
    assert not {name for name in third_party if "editable" not in name and name not in {"sitecustomize"}}


@pytest.mark.parametrize("module", ["stream.cli.main", "stream.agents.inbox", "stream.agents.outcome"])
def test_what_starts_often_brings_nothing_heavy(module: str) -> None:
    brought = {name.split(".")[0] for name in loaded_by(module)}
    assert not brought & {"faust", "torch", "transformers", "streamlit", "plotly", "kafka", "aiokafka"}
    if module == "stream.cli.main":
        assert not brought & {"redis", "httpx", "numpy"}


@pytest.mark.parametrize("package", ["stream", "model", "dashboard"])
def test_package_files_stay_empty(package: str) -> None:
    filled = [str(p.relative_to(ROOT)) for p in (ROOT / package).rglob("__init__.py") if p.read_text().strip()]
    assert filled == []


def test_the_dashboard_never_brings_torch_or_faust_and_the_model_never_the_stream() -> None:
    for path in (ROOT / "model").rglob("*.py"):
        text = path.read_text()
        assert "from stream" not in text and "import stream" not in text, path
        assert "from dashboard" not in text, path
    for path in (ROOT / "dashboard").rglob("*.py"):
        text = path.read_text()
        assert "import torch" not in text and "import faust" not in text and "from model.classifier" not in text, path
