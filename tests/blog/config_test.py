"""Tests of config.py."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from blog.config import MAX_IMAGE_BYTES, ConfigError, read_config
from browser import CGI_BIN


def test_read_config_makes_the_folder_for_its_owner_alone(tmp_path: Path) -> None:
    config = read_config({"BLOG_DATA": str(tmp_path / "a" / "b")})
    assert config.data == str(tmp_path / "a" / "b")
    assert stat.S_IMODE(os.stat(config.data).st_mode) == 0o700
    assert (config.database_url, config.is_demo, config.max_image_bytes) == (None, False, MAX_IMAGE_BYTES)


def test_read_config_defaults_to_the_state_folder(tmp_path: Path) -> None:
    assert read_config({"XDG_STATE_HOME": str(tmp_path)}).data == str(tmp_path / "lisod-blog")


def test_read_config_takes_the_file_and_then_the_environment(tmp_path: Path) -> None:
    (tmp_path / "blog.conf").write_text("# a comment\n\nBLOG_DEMO = 1\nDATABASE_URL=postgresql://x/y?a=b\n")
    config = read_config({"BLOG_DATA": str(tmp_path), "BLOG_DEMO": "0"})
    assert config.database_url == "postgresql://x/y?a=b"
    assert not config.is_demo
    assert read_config({"BLOG_DATA": str(tmp_path)}).is_demo


@pytest.mark.parametrize(
    ("environ", "file", "want"),
    [
        ({"BLOG_MAX_IMAGE_BYTES": "5M"}, "", '"5M" is not a number'),
        ({"DATABASE_URL": "mysql://x"}, "", "postgresql://"),
        ({}, "BLOG_DEM = 1", 'blog.conf:1: unknown setting "BLOG_DEM"'),
        ({}, "\nnonsense", 'blog.conf:2: unknown setting "nonsense"'),
        ({"BLOG_DATA": str(CGI_BIN / "data")}, "", "inside the program folder"),
        ({"BLOG_DATA": "/dev/null/data"}, "", "set BLOG_DATA"),
    ],
)
def test_read_config_names_what_is_wrong(tmp_path: Path, environ: dict[str, str], file: str, want: str) -> None:
    (tmp_path / "blog.conf").write_text(file)
    with pytest.raises(ConfigError, match=want.replace("(", r"\(")):
        read_config({"BLOG_DATA": str(tmp_path), **environ})
    assert not (CGI_BIN / "data").exists()
