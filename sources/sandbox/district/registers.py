"""The registers of the chief executive's office: internal audit as CSV, corporate risks as OpenDocument workbooks.

Scores follow the district's own matrix of four likelihoods and four impacts, written in words.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from sources.periods import Quarter
from sources.sandbox import timeline
from sources.sandbox.district.world import NONE, SERVICES
from sources.sandbox.tables import write_csv
from sources.sandbox.timeline import END, FIRST, LAST, QUARTERS

FOLDER = "registers"
LIKELIHOODS = ["Unlikely", "Possible", "Likely", "Almost certain"]
IMPACTS = ["Minor", "Moderate", "Major", "Critical"]
_REVIEWS = 17  # a year
_ASSURANCE = np.array(["Full", "Significant", "Moderate", "Limited", "None"])
_SUBJECTS = ["income", "contracts", "records", "key controls", "data protection", "follow-up"]
# Reference, risk, service, likelihood and impact at first (1 to 4), score wanted and score accepted.
_RISKS = [
    ("R01", "The council cannot balance its budget", "FIN", 2, 4, 6, 8),
    ("R02", "A cyber attack stops services", "CUS", 3, 4, 6, 9),
    ("R03", "The local plan is found unsound", "PLN", 2, 3, 4, 6),
    ("R04", "Homelessness outgrows what can be placed", "HOU", 3, 3, 4, 6),
    ("R05", "Collection rounds break down", "ENV", 2, 3, 3, 6),
    ("R06", "An accident at the depot", "ENV", 2, 4, 4, 8),
    ("R07", "The leisure contractor fails", "WEL", 2, 3, 4, 6),
    ("R08", "Too few planners and environmental health officers", "PLN", 3, 2, 4, 6),
    ("R09", "Personal data are lost or published", "GOV", 2, 3, 3, 6),
    ("R10", "Council tax support outgrows its budget", "REV", 2, 2, 2, 4),
    ("R11", "Buildings do not meet energy and safety rules", "FIN", 2, 3, 4, 6),
    ("R12", "Reorganisation of local government draws staff away", "GOV", 2, 3, 4, 9),
]
_STRAINED = {"R05": Quarter(2025, 3), "R04": Quarter(2025, 1)}  # likelihood a step up from here on


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write all registers to `folder`. They are as long at every scale."""
    rng = timeline.generator(seed, "district registers")
    _write_audit(rng, folder / FOLDER)
    likelihoods = {reference: likelihood for reference, _, _, likelihood, *_ in _RISKS}
    for quarter in QUARTERS:
        rows: list[list[str | int]] = []
        for reference, risk, service, first, impact, wanted, accepted in _RISKS:
            if rng.random() < 0.12:
                step = int(rng.choice([-1, 1]))
                likelihoods[reference] = min(max(likelihoods[reference] + step, max(first - 1, 1)), min(first + 1, 4))
            now = likelihoods[reference]
            if reference in _STRAINED and quarter >= _STRAINED[reference]:
                now = min(first + 1, 4)
            words = [LIKELIHOODS[now - 1], IMPACTS[impact - 1]]
            rows.append([reference, risk, SERVICES[service], *words, now * impact, wanted, accepted])
        _write_register(folder / FOLDER / f"risks_{quarter.code}.ods", quarter, rows)


def _write_audit(rng: np.random.Generator, folder: Path) -> None:
    codes = list(SERVICES)
    reviews, actions = [], []
    for year in range(FIRST.year - 1, LAST.year + 1):
        planned = np.sort(
            np.busday_offset(np.datetime64(f"{year}-06-15") + rng.integers(0, 280, _REVIEWS), 0, "forward")
        )
        for number, due in enumerate(planned, start=1):
            code = codes[int(rng.integers(0, len(codes)))]
            subject = _SUBJECTS[int(rng.integers(0, len(_SUBJECTS)))]
            issued = due + int(rng.normal(3, 14)) if rng.random() < 0.93 else NONE
            issued = issued if issued <= END else NONE
            assurance = int(rng.choice(5, p=[0.16, 0.56, 0.18, 0.09, 0.01]))
            reference = f"{year}/{number:02d}"
            given = "" if np.isnat(issued) else _ASSURANCE[assurance]
            title = f"{SERVICES[code]} – {subject}"
            reviews.append([reference, title, SERVICES[code], _short(due), _short(issued), given])
            if not np.isnat(issued):
                actions += _actions(rng, reference, SERVICES[code], issued, 1 + assurance + int(rng.poisson(1.0)))
    actions[20][4] = "30/02/25"  # no such day
    header = ["Review", "Title", "Service", "Planned", "Final report", "Assurance"]
    write_csv(folder / "audit_reviews.csv", header, reviews, "utf-8-sig")
    header = ["Action", "Review", "Service", "Rating", "Deadline", "Agreed on", "New deadline", "Closed"]
    write_csv(folder / "audit_actions.csv", header, actions, "utf-8-sig")


def _actions(rng: np.random.Generator, review: str, service: str, agreed: np.datetime64, count: int) -> list[list[str]]:
    rows = []
    for number in range(1, count + 1):
        due = agreed + int(rng.choice([45, 90, 120, 180]))
        in_time = rng.random() < 0.82
        closed = max(due - int(rng.integers(0, 40)), agreed) if in_time else due + int(rng.integers(10, 220))
        revised = due + 90 if not in_time and due <= END and rng.random() < 0.5 else NONE
        rating = str(rng.choice(["Fundamental", "Significant", "Housekeeping"], p=[0.12, 0.5, 0.38]))
        shown = [_short(due), _short(agreed), _short(revised), _short(closed if closed <= END else NONE)]
        rows.append([f"{review}-{number}", review, service, rating, *shown])
    return rows


def _short(day: np.datetime64) -> str:
    """`31/03/25`; nothing where there is no day."""
    return "" if np.isnat(day) else f"{day.item():%d/%m/%y}"


def _write_register(path: Path, quarter: Quarter, rows: list[list[str | int]]) -> None:
    """The workbook of one quarter: the same bytes whenever it is written."""
    scores = ["Score now", "Score wanted", "Score accepted"]
    table: list[list[str | int]] = [
        ["Corporate risks"],
        [f"Reviewed by the management team at the end of {quarter.label}"],
        [],
        ["Ref", "What could happen", "Service", "Likelihood", "Impact", *scores],
        *rows,
    ]
    lines = "".join(f"<table:table-row>{''.join(map(_cell, row)) or _cell('')}</table:table-row>" for row in table)
    content = _CONTENT.format(_NAMESPACES, lines)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (("mimetype", _KIND), ("META-INF/manifest.xml", _MANIFEST), ("content.xml", content)):
            archive.writestr(zipfile.ZipInfo(name), text)


def _cell(value: str | int) -> str:
    if value == "":
        return "<table:table-cell/>"
    kind = f'float" office:value="{value}' if isinstance(value, int) else "string"
    return f'<table:table-cell office:value-type="{kind}"><text:p>{escape(str(value))}</text:p></table:table-cell>'


_KIND = "application/vnd.oasis.opendocument.spreadsheet"
_NAMESPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
)
_CONTENT = (
    '<?xml version="1.0" encoding="UTF-8"?><office:document-content {} office:version="1.3"><office:body>'
    '<office:spreadsheet><table:table table:name="Risks">{}</table:table></office:spreadsheet></office:body>'
    "</office:document-content>"
)
_MANIFEST = (
    '<?xml version="1.0" encoding="UTF-8"?><manifest:manifest '
    'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3">'
    f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{_KIND}"/>'
    '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
)
