"""`vitals spc` on files as people have them: what it prints, writes and draws, and how it says what is wrong."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from orchestration import cli
from orchestration.spc import COLUMNS

VALUES = [1, 2, 1, 2, 10, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]
MONTHS = [date(2025 + i // 12, i % 12 + 1, 1) for i in range(len(VALUES))]


def spc(*arguments: object) -> tuple[int, str]:
    ran = CliRunner().invoke(cli.app, ["spc", *map(str, arguments)])
    return ran.exit_code, ran.output


def written(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


@pytest.fixture
def waits(tmp_path: Path) -> Path:
    rows = [f"{month.isoformat()},{value}" for month, value in zip(MONTHS, VALUES, strict=True)]
    return written(tmp_path / "waits.csv", "month,weeks", *rows)


def test_the_published_example_in_words_in_rows_and_drawn(waits: Path, tmp_path: Path) -> None:
    points, chart = tmp_path / "points.csv", tmp_path / "chart.svg"
    code, said = spc(
        *(waits, "--date", "month", "--value", "weeks", "--polarity", "lower", "--target", "0.5"),
        *("--out", points, "--chart", chart),
    )
    assert code == 0, said
    assert "18 points, 2025-01-01 to 2026-06-01." in said
    assert "Jun 2026: 1, usual variation; usually −0.7 to 4.6; target 0.5 met or missed by chance" in said
    assert "  May 2025, concern: above the upper limit." in said
    with points.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [row["value"] for row in rows] == [str(value) for value in VALUES]
    assert [row["special_cause"] for row in rows if row["special_cause"] != "none"] == ["outside"]
    assert rows[4]["date"] == "2025-05-01" and rows[4]["point_type"] == "special_cause_concern"
    assert (rows[0]["series"], rows[0]["group"]) == ("", "1")
    drawn = ElementTree.parse(chart).getroot()
    assert drawn.attrib["role"] == "img"
    kinds = [element.attrib.get("class", "").split() for element in drawn.iter()]
    assert sum("special_cause_concern" in kind for kind in kinds) == 1 + 2  # the point, and both ways of it in the key


def test_parquet_in_and_out_is_the_same(waits: Path, tmp_path: Path) -> None:
    table = pa.table({"month": pa.array(MONTHS), "weeks": pa.array([float(value) for value in VALUES])})
    pq.write_table(table, tmp_path / "waits.parquet")
    for source, made in ((waits, "a.parquet"), (tmp_path / "waits.parquet", "b.parquet")):
        code, said = spc(source, "--date", "month", "--value", "weeks", "--out", tmp_path / made)
        assert code == 0, said
    first, second = (pq.read_table(tmp_path / name).to_pylist() for name in ("a.parquet", "b.parquet"))
    assert first == second and len(first) == 18
    assert tuple(first[0]) == COLUMNS


def test_several_series_rebased_without_screening(tmp_path: Path) -> None:
    rows = [
        f"{name},{month:%d/%m/%Y},£{value},000" for name in "BA" for month, value in zip(MONTHS, VALUES, strict=True)
    ]
    source = written(tmp_path / "two.csv", "team,when,spent", *(f'{r[:12]},"{r[13:]}"' for r in rows))
    rules = ("--date", "when", "--value", "spent", "--series", "team", "--no-screening")
    for rebases in (("--rebase", "2025-07-01", "01/01/2026"), ("--rebase", "2025-07-01", "--rebase", "2026-01-01")):
        code, said = spc(source, *rules, *rebases, "--out", tmp_path / "out.parquet")
        assert code == 0, said
        assert said.startswith("2 series, 36 points")
        made = pq.read_table(tmp_path / "out.parquet").to_pylist()
        assert [row["group"] for row in made] == ([1] * 6 + [2] * 6 + [3] * 6) * 2
        assert [row["series"] for row in made] == ["A"] * 18 + ["B"] * 18
    code, _ = spc(source, *rules, "--out", tmp_path / "whole.parquet")
    assert code == 0
    last = pq.read_table(tmp_path / "whole.parquet").to_pylist()[-1]
    assert [round(last[name] / 1000, 2) for name in ("lower_limit", "mean", "upper_limit")] == [-3.06, 1.94, 6.95]


def test_a_single_point_and_empty_values_are_no_error(tmp_path: Path) -> None:
    source = written(tmp_path / "one.csv", "d,v", "2026-01-01,", "2026-02-01,85.5%", "2026-03-01,n/a")
    code, said = spc(source, "--date", "d", "--value", "v", "--chart", tmp_path / "c.svg")
    assert code == 0, said
    assert "2 rows without a value left out." in said
    assert "Feb 2026: 85.5; too little variation to judge." in said
    ElementTree.parse(tmp_path / "c.svg")


@pytest.mark.parametrize(
    ("lines", "options", "reason"),
    [
        (["d,v", "2026-01-01,1"], ["--value", "w"], "has no column 'w' (--value). Columns: 'd', 'v'."),
        (["d,v", "2026-01-01,1"], ["--series", "team"], "has no column 'team' (--series)."),
        (["d,v", "soon,1"], [], "row 2: column 'd' is 'soon', which is no date. Write 2026-09-30"),
        (["d,v", "2026-02-30,1"], [], "row 2: column 'd' is '2026-02-30', which is no date."),
        (["d,v", "2026-01-01,1", "2026-01-02,many"], [], "row 3: column 'v' is 'many', which is no number."),
        (["d,v", "2026-01-01,1.2.3"], [], "row 2: column 'v' is '1.2.3', which is no number."),
        (["d,v", "2026-01-01,1,000"], [], "row 2 has 3 cells, the headings are 2."),
        (["d,v"], [], "has columns but no rows"),
        (["d,v", "2026-01-01,"], [], "column 'v' is empty in every row."),
        (
            ["d,v", "2026-01-01,1", "2026-01-01,2"],
            [],
            "there is more than one value for 2026-01-01. Say with --series",
        ),
        (["d,v,s", "2026-01-01,1,a", "2026-01-01,2,a"], ["--series", "s"], "series 'a' has more than one value for"),
        (["d,v", "2026-01-01,1"], ["--polarity", "up"], "--polarity is 'up'. It is one of"),
        (["d,v", "2026-01-01,1"], ["--fix-after", "11"], "--fix-after is 11: limits need at least 12 points"),
        (["d,v", "2026-01-01,1"], ["--rebase", "later"], "--rebase is 'later', which is no date."),
        (["d,v", "2026-01-01,1"], ["--target", "high"], "--target is 'high', which is no number."),
        (["d,v", "2026-01-01,1"], ["--out", "points.xlsx"], "End it with .csv or .parquet."),
        (["d,v", "2026-01-01,1"], ["--chart", "c.png"], "End the name with .svg."),
        (["d,v", "2026-01-01,1"], ["--out", "no/such/folder/c.csv"], "there is no folder 'no/such/folder'."),
        (["d,v", "2026-01-01,1"], ["another.csv"], "What is another.csv? One file at a time"),
    ],
)
def test_what_is_wrong_is_said_with_its_remedy(
    lines: list[str], options: list[str], reason: str, tmp_path: Path
) -> None:
    source = written(tmp_path / "file.csv", *lines)
    code, said = spc(source, "--date", "d", *([] if "--value" in options else ["--value", "v"]), *options)
    assert code == 2, said
    assert reason in said
    assert "Traceback" not in said


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "not.parquet").write_bytes(b"PAR0")
    for name, reason in (
        ("none.csv", "there is no such file."),
        ("empty.csv", "is empty."),
        ("not.parquet", "Parquet"),
    ):
        code, said = spc(tmp_path / name, "--date", "d", "--value", "v")
        assert code == 2
        assert reason in said


def test_a_file_of_windows_is_read(tmp_path: Path) -> None:
    source = written(tmp_path / "w.csv", "when;Café", "01/09/2026;1", "01/10/2026;2", encoding="cp1252")
    code, said = spc(source, "--date", "when", "--value", "Café")
    assert code == 0, said
    assert "Oct 2026: 2" in said
