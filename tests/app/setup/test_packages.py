"""What counts as installed: every way in which an environment can differ from its lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.setup.packages import absent, faults, leftovers, listed, read_lock, required_by


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    install(folder, "Some_Package", "1.2.0")
    install(folder, "torch", "2.13.0+cpu")
    return folder


def install(site: Path, name: str, version: str, requires: str = "") -> Path:
    module = site / name.lower()
    info = site / f"{name}-{version}.dist-info"
    module.mkdir(exist_ok=True)
    info.mkdir()
    (module / "__init__.py").write_text("value = 1\n")
    (info / "METADATA").write_text(
        f"Name: {name}\nVersion: {version}\n{requires}\n\nRequires-Dist: not-in-the-header\n"
    )
    rows = [
        f"{module.name}/__init__.py,sha256=x,10",
        f"{module.name}/__pycache__/__init__.cpython-311.pyc,,",
        f"{info.name}/METADATA,,",
        f"{info.name}/RECORD,,",
    ]
    (info / "RECORD").write_text("\n".join(rows) + "\n")
    return info


PINS = {"some-package": "1.2.0", "torch": "2.13.0"}


def test_a_whole_environment_has_no_faults(site: Path) -> None:
    assert faults(site, PINS) == []


def test_a_package_that_is_missing(site: Path) -> None:
    assert [(fault.name, fault.why) for fault in faults(site, {**PINS, "numpy": "2.3.5"})] == [("numpy", "is missing")]


def test_another_version(site: Path) -> None:
    (fault,) = faults(site, {**PINS, "some-package": "1.3.0"})
    assert fault.why == "is 1.2.0, the lock says 1.3.0"
    assert fault.broken == ()


def test_a_local_build_is_the_locked_release_but_not_another_one(site: Path) -> None:
    assert faults(site, {"torch": "2.13.0+cpu"}) == []
    assert [fault.name for fault in faults(site, {"torch": "2.14.0"})] == ["torch"]


def test_a_deleted_file(site: Path) -> None:
    (site / "torch" / "__init__.py").unlink()
    (fault,) = faults(site, PINS)
    assert fault.why == "lacks torch/__init__.py"
    assert fault.broken == (site / "torch-2.13.0+cpu.dist-info",)


def test_a_file_cut_short(site: Path) -> None:
    (site / "torch" / "__init__.py").write_text("")
    assert faults(site, PINS)[0].why == "has a damaged torch/__init__.py"


@pytest.mark.parametrize("record", [None, "", "torch/__init__.py,sha256=x,10\n", "\0\xff"])
def test_an_install_that_was_killed(site: Path, record: str | None) -> None:
    path = site / "torch-2.13.0+cpu.dist-info" / "RECORD"
    path.unlink() if record is None else path.write_text(record)
    assert faults(site, PINS)[0].why == "was left half installed"


def test_an_upgrade_that_was_killed_leaves_two(site: Path) -> None:
    install(site, "torch", "2.12.0")
    (fault,) = faults(site, PINS)
    assert fault.why == "is there twice"
    assert len(fault.broken) == 2


def test_a_glance_sees_all_but_damaged_files(site: Path) -> None:
    assert listed(site, PINS)
    assert not listed(site, {**PINS, "numpy": "2.3.5"})
    assert not listed(site, {**PINS, "some-package": "1.3.0"})
    (site / "torch" / "__init__.py").unlink()
    assert listed(site, PINS)
    (site / "torch-2.13.0+cpu.dist-info" / "RECORD").unlink()
    assert not listed(site, PINS)


def test_folders_that_pip_renamed_away(site: Path) -> None:
    (site / "~orch").mkdir()
    assert leftovers(site) == [site / "~orch"]


def test_an_environment_that_is_not_there(tmp_path: Path) -> None:
    assert [fault.why for fault in faults(tmp_path / "none", PINS)] == ["is missing", "is missing"]
    assert leftovers(tmp_path / "none") == []


def test_requirements_are_read_from_the_header_without_extras(site: Path) -> None:
    requires = (
        'Requires-Dist: nvidia_nccl-cu13==2.30.7; platform_system == "Linux"\n'
        'Requires-Dist: optree>=0.13.0; extra == "optree"\n'
        "Requires-Dist: Some.Package"
    )
    install(site, "cuda_torch", "2.13.0", requires)
    names = required_by(site, "cuda-torch")
    assert names == {"nvidia-nccl-cu13", "some-package"}
    assert absent(site, names) == ["nvidia-nccl-cu13"]


def test_a_lock_takes_exact_pins_only(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    lock.write_text("# a comment\nSQLAlchemy==2.1.9\n\nzope.interface==7.0 # why\n")
    assert read_lock(lock) == {"sqlalchemy": "2.1.9", "zope-interface": "7.0"}
    lock.write_text("a==1\nnumpy>=2\n")
    with pytest.raises(ValueError, match=r"x\.lock, line 2: 'numpy>=2' is no exact pin"):
        read_lock(lock)
