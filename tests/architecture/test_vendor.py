"""Files of others are the ones their packages shipped, and all of them are listed."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VENDOR = ROOT / "web" / "static" / "vendor"
PACKAGES = tomllib.loads((ROOT / "web" / "VENDOR.toml").read_text())["package"]


def test_every_file_is_listed_with_its_hash_and_licence() -> None:
    listed = {
        ROOT / package["folder"] / name: digest
        for package in PACKAGES
        for name, digest in package["sha256"].items()
    }
    found = {path for path in VENDOR.rglob("*") if path.is_file()}
    assert found == set(listed)
    for path, digest in listed.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest, path
    for package in PACKAGES:
        assert package["licence"]
        assert {"LICENSE"} & set(package["sha256"])


@pytest.mark.parametrize("page", sorted((ROOT / "web").rglob("*.html")), ids=lambda path: path.name)
def test_a_page_names_no_other_host_and_no_code_of_its_own(page: Path) -> None:
    text = page.read_text()
    assert not re.search(r"(src|href)=[\"']?(https?:|//)", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    for source in re.findall(r"(?:src|href)=\"(/static/[^\"]+)\"", text):
        assert (ROOT / "web" / source.lstrip("/")).is_file(), source
