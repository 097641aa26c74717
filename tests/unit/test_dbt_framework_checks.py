"""The checks of the framework find what they are for, say it in a sentence, and find nothing where all is well."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest
from support.builders import land_rows
from support.dbt_project import PROJECT, render

from orchestration.settings import COUNCILS
from sources.contract import load_contracts

COUNCIL = "(date '2026-07-01', date '2026-09-30')"
TABLES = {
    "dim_council": "reporting_period_start date, reporting_period_end date",
    "dim_units": "unit_id text",
    "dim_outcomes": "outcome_id text, owner text",
    "dim_measures": "measure_id text, owner text, computed_by text, portfolio_id text, supersedes text, "
    "valid_from date, valid_to date, decimal_places int generated always as (1)",
    "dim_owners": "owner text, unit_id text, valid_from date, valid_to date",
    "dim_portfolios": "portfolio_id text, valid_from date, valid_to date",
    "dim_service_priorities": "priority_id text, unit_id text, outcome_id text, measure_id text",
    "dim_focus": "focus_id text, outcome_id text, unit_id text",
    "dim_links": "link_id text, driver_measure_id text, response_measure_id text",
    "dim_interventions": "intervention_id text, measure_id text, unit_id text, owner text, status text",
    "dim_service_values": "unit_id text, demand_measure_id text, cost_measure_id text, outcome_measure_id text",
    "dim_corrections": "measure_id text, unit_id text",
    "fct_published_figures": "measure_id text, unit_id text",
    "measure_datasets": "measure_id text, system text, dataset text",
    "dim_datasets": "system text, dataset text, is_declared boolean",
    "dim_extracts": "system text, dataset text, origin text",
    "restatements": "measure_id text, unit_id text, area_id text, period_type text, period_start date, "
    "period_label text, published_in text, published_value decimal(18,4), current_value decimal(18,4), "
    "is_unexplained boolean",
}
# A framework in which every check passes.
SOUND = {
    "dim_council": COUNCIL,
    "dim_units": "('CITY'), ('S1')",
    "dim_outcomes": "('ORG', 'Director'), ('HOM', 'Leader; Director')",
    "dim_measures": "('CO02', 'Director', 'model', 'P1', null, date '2021-04-01', null), "
    "('OD01', 'Leader', 'indicator', null, null, date '2021-04-01', null), "
    "('RE01', 'Leader', 'return', 'P1', 'CO02', date '2021-04-01', null), "
    "('OLD1', 'Nobody', 'model', 'P0', null, date '2021-04-01', date '2024-03-31')",
    "dim_owners": "('Director', 'CITY', date '2021-04-01', null), ('Leader', null, date '2021-04-01', null), "
    "('Former', 'S1', date '2021-04-01', date '2026-06-30')",
    "dim_portfolios": "('P1', date '2021-04-01', date '2024-05-20'), ('P1', date '2024-05-21', null)",
    "dim_service_priorities": "('SP1', 'S1', 'HOM', null), ('SP2', 'S1', 'ORG', 'CO02')",
    "dim_focus": "('F1', 'HOM', null), ('F2', null, 'S1')",
    "dim_links": "('L1', 'CO02', 'OD01')",
    "dim_interventions": "('I1', 'CO02', 'CITY', 'Director', 'running'), ('I0', 'CO02', 'S1', 'Former', 'stopped')",
    "dim_service_values": "('S1', 'CO02', 'OD01', 'RE01')",
    "dim_corrections": "('CO02', 'CITY')",
    "fct_published_figures": "('CO02', 'S1')",
    "measure_datasets": "('CO02', 'complaints', 'cases'), ('OD01', 'indicators', 'published_values'), "
    "('OD01', 'waste', 'tonnages'), ('OD01', 'population', 'estimates'), ('RE01', 'plan', 'measure_values')",
    "dim_datasets": "('complaints', 'cases', true), ('indicators', 'published_values', true), "
    "('waste', 'tonnages', false), ('population', 'estimates', true), ('plan', 'measure_values', true)",
    "dim_extracts": "('framework', 'corrections', 'framework/corrections.csv'), ('complaints', 'cases', 'cases.csv')",
    "restatements": "('CO02', 'CITY', '', 'quarter', date '2026-04-01', 'Q1 2026/27', 'r1', 85.1, 86.2, false)",
}
CHECKS = [
    "every_measure_comes_from_somewhere",
    "every_owner_is_a_post_that_exists",
    "every_portfolio_has_a_holder",
    "every_restatement_has_a_reason",
    "interventions_are_for_known_measures_and_units",
    "no_measure_comes_from_two_places",
    "the_framework_names_only_what_it_has",
]


def messages(check: str, changed: dict[str, str]) -> list[str]:
    """What the check says of the sound framework, with some tables changed."""
    with duckdb.connect() as con:
        for table, columns in TABLES.items():
            con.execute(f"create table {table} ({columns})")
            if rows := (SOUND | changed)[table]:
                con.execute(f"insert into {table} values {rows}")
        found = con.execute(render((PROJECT / "tests" / f"{check}.sql").read_text(encoding="utf-8")))
        assert found.description is not None
        place = [column[0] for column in found.description].index("message")
        return sorted(row[place] for row in found.fetchall())


@pytest.mark.parametrize("check", CHECKS)
def test_a_sound_framework_passes(check: str) -> None:
    assert messages(check, {}) == []


@pytest.mark.parametrize(
    ("check", "changed", "said"),
    [
        (
            "the_framework_names_only_what_it_has",
            {"dim_links": "('L1', 'CO02', 'CO99')", "dim_service_values": "('S9', 'CO02', 'OD01', 'RE01')"},
            [
                "links.csv: L1 names the measure CO99, which the framework does not have. Correct it, or add the "
                "measure.",
                "service_values.csv: S9 names the unit S9, which the framework does not have. Correct it, or add the "
                "unit.",
            ],
        ),
        (
            "the_framework_names_only_what_it_has",
            {
                "dim_service_priorities": "('SP1', 'S1', 'NONE', null)",
                "fct_published_figures": "('XX01', 'S1')",
                "dim_focus": "('F1', null, 'GONE')",
            },
            [
                "focus.csv: F1 names the unit GONE, which the framework does not have. Correct it, or add the unit.",
                "published_figures.csv: XX01 names the measure XX01, which the framework does not have. Correct it, or "
                "add the measure.",
                "service_priorities.csv: SP1 names the outcome NONE, which the framework does not have. Correct it, or "
                "add the outcome.",
            ],
        ),
        (
            "interventions_are_for_known_measures_and_units",
            {"dim_interventions": "('I1', 'CO99', 'CITY', null, 'running'), ('I2', 'CO02', 'S9', null, 'planned')"},
            [
                "interventions.csv: I1 is for the measure CO99, which the framework does not have.",
                "interventions.csv: I2 is for the unit S9, which the framework does not have.",
            ],
        ),
        (
            "every_owner_is_a_post_that_exists",
            {"dim_outcomes": "('ORG', 'Former'), ('HOM', 'Leader; Nobody')"},
            [
                "outcomes.csv: HOM belongs to Leader; Nobody, which owners.csv has no post for in the reporting "
                "period. Name another owner, or add the post.",
                "outcomes.csv: ORG belongs to Former, which owners.csv has no post for in the reporting period. Name "
                "another owner, or add the post.",
            ],
        ),
        ("every_owner_is_a_post_that_exists", {"dim_owners": ""}, []),  # a council that lists no posts
        (
            "every_portfolio_has_a_holder",
            {"dim_portfolios": "('P1', date '2021-04-01', date '2026-09-29')"},
            [
                f"measures.csv: {measure} belongs to the portfolio P1, which nobody holds on the last day of the "
                "reporting period. Add a row to portfolios.csv."
                for measure in ("CO02", "RE01")
            ],
        ),
        (
            "every_measure_comes_from_somewhere",
            {"measure_datasets": "('OD01', 'waste', 'tonnages'), ('CO02', 'indicators', 'published_values')"},
            [
                "measures.csv: CO02 says computed_by model, but no file in dbt_project/models/measures begins with its "
                "id. Add one, or say what else gives its figures.",
                "measures.csv: OD01 says computed_by indicator, but indicators.csv has no row for it. Add one, or say "
                "what else gives its figures.",
                "measures.csv: RE01 says computed_by return, but no return has ever had a value of it. Add one, or say "
                "what else gives its figures.",
            ],
        ),
        (
            "no_measure_comes_from_two_places",
            {"dim_datasets": "('indicators', 'published_values', true), ('waste', 'tonnages', true)"},
            [
                "measures.csv: OD01 says computed_by indicator, but it also has a file in dbt_project/models/measures, "
                "whose source has landed. Its figure would be the sum of both: keep one, or give one another id.",
            ],
        ),
        (
            "no_measure_comes_from_two_places",
            {"measure_datasets": "('CO02', 'complaints', 'cases'), ('CO02', 'plan', 'measure_values')"},
            [
                "measures.csv: CO02 says computed_by model, but it also has values in returns. Its figure would be the "
                "sum of both: keep one, or give one another id.",
            ],
        ),
        (
            "every_restatement_has_a_reason",
            {
                "restatements": "('CO02', 'CITY', '', 'quarter', date '2026-04-01', 'Q1 2026/27', '2026-27-Q1/r1', "
                "85.1, 86.2, true), ('OD01', 'S1', 'E05', 'month', date '2026-04-01', 'Apr 2026', '2026-27-Q1/r2', 7, "
                "null, true)",
            },
            [
                "CO02, CITY, Q1 2026/27: 85.1 was published as final (2026-27-Q1/r1), and it is 86.2 now. Write the "
                "reason code and an explanation into framework/corrections.csv.",
                "OD01, S1 in E05, Apr 2026: 7.0 was published as final (2026-27-Q1/r2), and it is gone now. Write the "
                "reason code and an explanation into framework/corrections.csv.",
            ],
        ),
        (
            "every_restatement_has_a_reason",
            {
                "restatements": "('CO02', 'CITY', '', 'quarter', date '2026-04-01', 'Q1', 'r1', 85.1, 86.2, true)",
                "dim_extracts": "('complaints', 'cases', 'cases.csv')",
            },
            [
                "CO02, CITY, Q1: 85.1 was published as final (r1), and it is 86.2 now. Write the reason code and an "
                "explanation into a file of the dataset framework/corrections.",
            ],
        ),
    ],
)
def test_says_what_is_wrong(check: str, changed: dict[str, str], said: list[str]) -> None:
    assert messages(check, changed) == said


@pytest.mark.parametrize(
    ("dataset", "wrong", "reason"),
    [
        ("links", {"driver_measure_id": "HR01", "response_measure_id": "HR01"}, "two different measures"),
        ("measures", {"weight": "-1"}, "weight is below 0"),
        ("interventions", {"ends_on": "2020-03-31"}, "ends on or after it begins"),
        ("targets", {"valid_to": "2020-03-31"}, "ends on or after it begins"),
    ],
)
def test_a_row_that_cannot_be_true_is_refused(tmp_path: Path, dataset: str, wrong: dict[str, str], reason: str) -> None:
    contract = load_contracts()[f"framework.{dataset}"]
    with (COUNCILS / "brigstow" / "framework" / f"{dataset}.csv").open(encoding="utf-8", newline="") as file:
        row = {name: value or None for name, value in next(csv.DictReader(file)).items()}
    rows = [row | {contract.key[0]: f"K{number}"} for number in range(100)]
    assert land_rows(contract, tmp_path / "good", rows).reasons == {}
    refused = land_rows(contract, tmp_path / "bad", [*rows, row | wrong]).reasons
    assert [text for text in refused if text.endswith(reason)] == list(refused), refused
    assert sum(refused.values()) == 1


def test_every_check_of_the_framework_is_tested() -> None:
    saying = {
        path.stem for path in (PROJECT / "tests").glob("*.sql") if " as message" in path.read_text(encoding="utf-8")
    }
    assert saying == set(CHECKS)
