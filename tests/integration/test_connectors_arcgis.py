"""The connector `arcgis` against Koop, a real server that speaks ArcGIS, and against servers that lie about pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.builders import column, files_in, key, make_contract, rows_of
from support.fault_server import Answer, Asked, FaultServer, faults
from support.koop import LAYER, koop, needs_koop
from support.replays import fetched, recorded, source_of

from sources.config import Source
from sources.contract import Contract
from sources.errors import ConfigurationError, SourceError

COLUMNS = {"report_id": "OBJECTID", "reported_date": "reported", "reported_at": "reported"}
NAMES = "report_id, street, reported_date, cast(reported_at as varchar)"
# Midnight on 1 July in Britain, half past twelve on 10 January, nothing; as a real server writes them.
JULY, JANUARY = 1_719_788_400_000, 1_704_889_800_000
REPORTS = [
    {"OBJECTID": number, "street": f"Street {number}  ", "ward": "North" if number % 3 else "South", "reported": JULY}
    for number in range(1, 12)
]
REPORTS[1]["reported"], REPORTS[2]["reported"], REPORTS[3]["street"] = JANUARY, None, " "
FIELDS = {"OBJECTID": "Integer", "street": "String", "ward": "String", "reported": "Date"}
ESRI = {"OBJECTID": "esriFieldTypeOID", "street": "esriFieldTypeString", "reported": "esriFieldTypeDate"}
BASE = f"/{LAYER}"


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(
        tmp_path,
        key("report_id"),
        column("street"),
        column("reported_date", "date"),
        column("reported_at", "timestamp"),
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    reports = [{**report, "at": [-2.5 - report["OBJECTID"] / 100, 51.4]} for report in REPORTS]
    with koop(tmp_path_factory.mktemp("koop"), reports, FIELDS, page=4) as address:
        yield address


def source_at(folder: Path, url: str, contract: Contract, auth: dict[str, str] | None = None, **dataset: Any) -> Source:
    connection = {"auth": auth} if auth else {}
    return source_of(folder, "arcgis", url, contract, {"layer": LAYER, "columns": COLUMNS} | dataset, **connection)


# --- a real server --------------------------------------------------------------------------------------------------


@needs_koop
def test_every_feature_lands_over_pages_that_the_server_clamps(server: str, tmp_path: Path, contract: Contract) -> None:
    landed = fetched(source_at(tmp_path, server, contract), tmp_path)
    assert (landed.error, landed.rows, landed.rejected) == (None, 11, 0)
    first, second, third, fourth = rows_of(landed.path, NAMES)[:4]
    assert first[:2] == ("1", "Street 1")  # the padding is gone
    assert (first[2].isoformat(), first[3]) == ("2024-07-01", "2024-07-01 00:00:00")
    assert (second[2].isoformat(), second[3]) == ("2024-01-10", "2024-01-10 12:30:00")
    assert third[2:] == (None, None)
    assert fourth[1] is None
    assert rows_of(landed.path, "distinct _source", "1") == [(f"{server}/{LAYER}",)]


@needs_koop
def test_a_filter_that_leaves_short_and_empty_pages(server: str, tmp_path: Path, contract: Contract) -> None:
    # Koop filters a page once it is cut: of four features one or two are left, and of the last three one.
    source = source_at(tmp_path, server, contract, where="ward = 'South'")
    assert [row[0] for row in rows_of(fetched(source, tmp_path).path, NAMES)] == ["3", "6", "9"]


@needs_koop
def test_geojson_without_the_flag_is_counted_and_the_rest_asked_for(
    server: str, tmp_path: Path, contract: Contract
) -> None:
    # Koop's GeoJSON never says that it was cut short.
    landed = fetched(source_at(tmp_path, server, contract, answer="geojson"), tmp_path)
    assert (landed.error, landed.rows) == (None, 11)
    assert {row[0] for row in rows_of(landed.path, NAMES)} == {str(number) for number in range(1, 12)}


@needs_koop
@pytest.mark.parametrize("answer", ["json", "geojson"])
def test_points_come_as_longitude_and_latitude(server: str, tmp_path: Path, answer: str) -> None:
    contract = make_contract(
        tmp_path, key("id"), column("x", "DECIMAL(9,6)", required=True), column("y", "DECIMAL(9,6)")
    )
    columns = {"id": "OBJECTID", "x": "geometry.x", "y": "geometry.y"}
    landed = fetched(source_at(tmp_path, server, contract, columns=columns, answer=answer), tmp_path)
    assert landed.error is None
    assert [float(x) for (x,) in rows_of(landed.path, "x")[:2]] == [-2.51, -2.52]
    assert {float(y) for (y,) in rows_of(landed.path, "y")} == {51.4}


@needs_koop
def test_a_refused_filter_is_an_error_though_its_status_is_200(server: str, tmp_path: Path, contract: Contract) -> None:
    source = source_at(tmp_path, server, contract, where="nonsense here")
    said = r'answered with an error: Invalid "where" parameter: nonsense here \(code 400\)\. Check `where`'
    with pytest.raises(SourceError, match=said):
        source.reach()
    landed = fetched(source, tmp_path)
    assert landed.error is not None and re.search(said, landed.error)
    assert files_in(tmp_path / "data") == []


@needs_koop
def test_a_renamed_field_is_named_with_the_nearest(server: str, tmp_path: Path, contract: Contract) -> None:
    landed = fetched(source_at(tmp_path, server, contract, columns={**COLUMNS, "report_id": "OBJECT_ID"}), tmp_path)
    assert landed.error == (
        f"{server}/{LAYER}: there is no field 'OBJECT_ID' for made.things.report_id. Did you mean 'OBJECTID'? There "
        "are: 'OBJECTID', 'street', 'ward', 'reported'. Nothing landed. Mend `columns.report_id` in the source's YAML."
    )


@needs_koop
def test_a_server_that_is_there_is_reached(server: str, tmp_path: Path, contract: Contract) -> None:
    source_at(tmp_path, server, contract).reach()


@needs_koop
def test_a_layer_that_is_not_there(server: str, tmp_path: Path, contract: Contract) -> None:
    with pytest.raises(SourceError, match=r"nobody/.*: refused with status 404 Not Found"):
        source_at(tmp_path, server, contract, layer="nobody/FeatureServer/0").reach()


# --- servers that lie -----------------------------------------------------------------------------------------------


def features(numbers: Sequence[int]) -> list[dict[str, Any]]:
    return [{"attributes": REPORTS[number - 1]} for number in numbers]


def liar(
    query: Callable[[Asked], Any], *, pages: bool | None = True, maximum: int | None = 4
) -> dict[str, list[Answer | Callable[[Asked], Answer]]]:
    """A layer's description, which says whether it pages, and how it answers queries."""
    layer: dict[str, Any] = {"fields": [{"name": name, "type": kind} for name, kind in ESRI.items()]}
    if pages is not None:
        layer["advancedQueryCapabilities"] = {"supportsPagination": pages}
    if maximum is not None:
        layer["maxRecordCount"] = maximum
    # f=json comes as text/plain from the older ones.
    plain = "text/plain;charset=utf-8"
    return {
        BASE: [Answer(layer, content_type=plain)],
        f"{BASE}/query": [lambda asked: Answer(query(asked), content_type=plain)],
    }


def counted(asked: Asked) -> dict[str, Any] | None:
    if asked.query.get("returnCountOnly"):
        return {"count": len(REPORTS)}
    if asked.query.get("returnIdsOnly"):
        # Some write their numbers as 1.0E0.
        return {"objectIdFieldName": "OBJECTID", "objectIds": [float(report["OBJECTID"]) for report in REPORTS]}
    return None


def of_ids(asked: Asked, most: int = 4) -> dict[str, Any] | None:
    ids = asked.query.get("objectIds")
    return {"features": features([int(each) for each in ids.split(",")][:most])} if ids else None


def queries(server: FaultServer) -> list[dict[str, str]]:
    return [dict(asked.query) for asked in server.asked if asked.path.endswith("/query")]


def test_a_page_cut_short_without_a_flag_is_completed_by_ids(tmp_path: Path, contract: Contract) -> None:
    def query(asked: Asked) -> Any:
        return counted(asked) or of_ids(asked) or {"features": features([1, 2, 3, 4])}

    with faults(liar(query)) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert (landed.error, landed.rows) == (None, 11)
        # As many at once as the server has shown that it gives; what came before is not asked for again.
        assert [asked["objectIds"] for asked in queries(server) if "objectIds" in asked] == ["5,6,7,8", "9,10,11"]


@pytest.mark.parametrize("maximum", [1000, None], ids=["says a thousand", "says nothing"])
def test_an_old_server_without_paging_is_read_by_ids(tmp_path: Path, contract: Contract, maximum: int | None) -> None:
    def query(asked: Asked) -> Any:
        return counted(asked) or of_ids(asked) or {"features": features([1, 2, 3]), "exceededTransferLimit": True}

    with faults(liar(query, pages=None, maximum=maximum)) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert (landed.error, landed.rows) == (None, 11)
        assert not any("resultOffset" in asked for asked in queries(server))


def test_pages_short_and_empty_before_the_last(tmp_path: Path, contract: Contract) -> None:
    pages = {0: [1, 2, 3, 4], 4: [5], 5: [], 9: [6, 7, 8, 9], 13: [9, 10, 11]}

    def query(asked: Asked) -> Any:
        offset = int(asked.query.get("resultOffset", 0))
        return counted(asked) or {"features": features(pages[offset]), "exceededTransferLimit": offset < 13}

    with faults(liar(query)) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert (landed.error, landed.rows, landed.rejected) == (None, 11, 0)  # 9 came twice and landed once
        assert {asked["orderByFields"] for asked in queries(server) if "resultOffset" in asked} == {"OBJECTID"}


def test_the_flag_may_stand_under_properties(tmp_path: Path, contract: Contract) -> None:
    def query(asked: Asked) -> Any:
        first = int(asked.query.get("resultOffset", 0))
        page = [
            {"type": "Feature", "id": report["OBJECTID"], "properties": {"OBJECTID": report["OBJECTID"], "street": "A"}}
            for report in REPORTS[first : first + 4]
        ]
        more = {"exceededTransferLimit": True} if first + 4 < len(REPORTS) else {}
        return counted(asked) or {"type": "FeatureCollection", "properties": more, "features": page}

    with faults(liar(query)) as server:
        landed = fetched(source_at(tmp_path, server.url, contract, answer="geojson"), tmp_path)
        assert (landed.error, landed.rows) == (None, 11)
        assert not any("objectIds" in asked for asked in queries(server))


def test_a_server_that_gives_its_first_page_for_ever(tmp_path: Path, contract: Contract) -> None:
    def query(asked: Asked) -> Any:
        return counted(asked) or of_ids(asked) or {"features": features([1, 2, 3]), "exceededTransferLimit": True}

    with faults(liar(query)) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert (landed.error, landed.rows) == (None, 11)


@pytest.mark.parametrize("count", [11, None], ids=["states a count", "states none"])
def test_a_server_that_ignores_every_flag_lands_nothing(tmp_path: Path, contract: Contract, count: int | None) -> None:
    def query(asked: Asked) -> Any:
        stated = {"count": count} if count and asked.query.get("returnCountOnly") else None
        return stated or {"features": features([1, 2, 3])}

    with faults(liar(query)) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert landed.error is not None
        assert landed.error.startswith(
            f"{server.url}/{LAYER}: gave 3 features of {count or 'an unknown number'}, and its object ids are not to be"
        )
        assert files_in(tmp_path / "data") == []


def test_a_layer_without_a_count_is_complete_when_its_ids_are(tmp_path: Path, contract: Contract) -> None:
    def query(asked: Asked) -> Any:
        ids = counted(asked) if asked.query.get("returnIdsOnly") else None
        return ids or of_ids(asked) or {"features": features([1, 2, 3])}

    with faults(liar(query)) as server:
        assert fetched(source_at(tmp_path, server.url, contract), tmp_path).rows == 11


def test_ids_that_give_no_feature_land_nothing(tmp_path: Path, contract: Contract) -> None:
    def query(asked: Asked) -> Any:
        return counted(asked) or {"features": [] if "objectIds" in asked.query else features([1, 2, 3])}

    with faults(liar(query)) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert landed.error is not None and "gave 3 features of 11; perhaps it changed meanwhile" in landed.error


@pytest.mark.parametrize(
    ("code", "message", "remedy"),
    [
        (498, "Invalid Token", "put a new one into the variable of connection.auth"),
        (499, "Token Required", "add connection.auth {kind: api_key, name: token, in: query"),
        (500, "Unable to perform query", "Ask the layer's owner"),
    ],
)
def test_an_error_inside_a_200_says_what_to_do(
    tmp_path: Path, contract: Contract, code: int, message: str, remedy: str
) -> None:
    token = {"kind": "api_key", "name": "token", "in": "query", "value": "t0ken-of-ours"}
    body = {"error": {"code": code, "message": message, "details": [f"{message}.", "asked with t0ken-of-ours"]}}
    with faults({BASE: [Answer(body)]}) as server:
        with pytest.raises(SourceError) as error:
            source_at(tmp_path, server.url, contract, token).reach()
        assert f"{message}. asked with " in str(error.value)
        assert remedy in str(error.value)
        assert server.asked[0].query["token"] == "t0ken-of-ours"
        assert "t0ken" not in str(error.value)


def test_only_what_the_contract_asks_for_is_asked_of_the_server(tmp_path: Path, contract: Contract) -> None:
    def query(asked: Asked) -> Any:
        return counted(asked) or {"features": features(range(1, 12))}

    with faults(liar(query, maximum=2000)) as server:
        fetched(source_at(tmp_path, server.url, contract), tmp_path)
        (asked,) = [asked for asked in queries(server) if "outFields" in asked]
        assert asked["outFields"] == "OBJECTID,street,reported"
        assert asked["returnGeometry"] == "false"


def test_what_is_no_layer_is_said_before_anything_is_asked(tmp_path: Path, contract: Contract) -> None:
    with pytest.raises(
        ConfigurationError, match=r"layer: 'things/FeatureServer' is no layer\. Write <service>/Feature"
    ):
        source_at(tmp_path, "https://maps.brigstow.example", contract, layer="things/FeatureServer")


def test_a_group_of_layers_has_no_fields(tmp_path: Path, contract: Contract) -> None:
    with (
        faults({BASE: [Answer({"type": "Group Layer", "fields": None})]}) as server,
        pytest.raises(SourceError, match="is no layer with fields but a Group Layer"),
    ):
        source_at(tmp_path, server.url, contract).reach()


def test_an_answer_of_another_shape_is_no_crash(tmp_path: Path, contract: Contract) -> None:
    with faults({BASE: [Answer({"fields": ["OBJECTID"]})]}) as server:
        source = source_at(tmp_path, server.url, contract)
        with pytest.raises(SourceError, match="not shaped as this platform's answers are"):
            source.reach()
        assert "not shaped" in (fetched(source, tmp_path).error or "")


def test_a_layer_without_object_ids_is_never_paged(tmp_path: Path, contract: Contract) -> None:
    layer = {
        "fields": [{"name": "ref", "type": "esriFieldTypeString"}],
        "advancedQueryCapabilities": {"supportsPagination": True},
        "maxRecordCount": 4,
    }
    for more, said in ((False, None), (True, "gave 2 features of 3, and its object ids are not to be had")):
        count = {"count": 3 if more else 2}
        page = {"features": [{"attributes": {"ref": "A"}}, {"attributes": {"ref": "B"}}], "exceededTransferLimit": more}

        def query(asked: Asked, count: Any = count, page: Any = page) -> Answer:
            return Answer(count if "returnCountOnly" in asked.query else page)

        with faults({BASE: [Answer(layer)], f"{BASE}/query": [query]}) as server:
            landed = fetched(source_at(tmp_path, server.url, contract, columns={"report_id": "ref"}), tmp_path)
            assert (said or "") in (landed.error or "") and bool(landed.error) is more
            assert len(queries(server)) == 2


# --- recorded bodies of real servers ----------------------------------------------------------------------------------


def recorded_layer(metadata: Any, page: Any, count: Any, ids: Any) -> dict[str, list[Any]]:
    def query(asked: Asked) -> Answer:
        if asked.query.get("returnCountOnly"):
            return Answer(count)
        return Answer(ids if asked.query.get("returnIdsOnly") else page)

    return {BASE: [Answer(metadata)], f"{BASE}/query": [query]}


def test_recorded_cook_county_truncates_and_ignores_every_flag(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("id"), column("name"))
    bodies = [recorded(f"arcgis/us-il-cook/{name}.json") for name in ("metadata", "page-full", "ids-only", "ids-only")]
    columns = {"id": "OBJECTID", "name": "NAME"}
    with faults(recorded_layer(*bodies)) as server:
        landed = fetched(source_at(tmp_path, server.url, contract, columns=columns), tmp_path)
        assert landed.error is not None and "gave 500 features of an unknown number" in landed.error


def test_recorded_columbia_writes_its_ids_as_floats(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("id"), column("street"), column("house", "integer"))
    bodies = [recorded(f"arcgis/us-mo-columbia/us-mo-columbia-{name}.json") for name in ("metadata", "0", "ids-only")]
    columns = {"id": "OBJECTID", "street": "STREET", "house": "HOUSENO"}
    with faults(recorded_layer(bodies[0], bodies[1], {}, bodies[2])) as server:
        landed = fetched(source_at(tmp_path, server.url, contract, columns=columns), tmp_path)
        assert (landed.error, landed.rows) == (None, 43)
        assert rows_of(landed.path, "id, street, house")[0] == ("64579816", "CLELLIE HARMON", 4880)


def test_recorded_arnhem_has_dots_in_its_names(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("id"), column("area", "DECIMAL(14,3)", required=True))
    page = recorded("arcgis/arnhem/e6a_parking.json")
    columns = {"id": "OBJECTID", "area": "SHAPE.STArea()"}
    with faults(recorded_layer(page, page, {"count": len(page["features"])}, {})) as server:
        landed = fetched(source_at(tmp_path, server.url, contract, columns=columns), tmp_path)
        assert landed.error is None
        expected = {
            str(f["attributes"]["OBJECTID"]): round(f["attributes"]["SHAPE.STArea()"], 3) for f in page["features"]
        }
        assert {row_id: float(area) for row_id, area in rows_of(landed.path, "id, area")} == expected


def test_recorded_error_of_arnhem(tmp_path: Path, contract: Contract) -> None:
    with (
        faults({BASE: [Answer(recorded("arcgis/arnhem/wrong_filter.json"))]}) as server,
        pytest.raises(SourceError, match=r"Unable to complete operation \(code 400\)\. Check `where`"),
    ):
        source_at(tmp_path, server.url, contract).reach()
