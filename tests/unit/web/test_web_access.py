"""Who may use /api: the holder of the admin token, whatever the request looks like."""

from pathlib import Path

import pytest

from tests.unit.web.conftest import ADMIN, Site, site_on

PATHS = ("/api/status", "/api/connections", "/api", "/api/", "/api/nope", "/%61pi/status", "/api/../api/status")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"])
async def test_without_the_token_nothing_is_told(site: Site, path: str, method: str) -> None:
    answer = await site.http.request(method, path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "acme" not in answer.text
    assert "PAYLAYER_ADMIN_TOKEN" in answer.json()["error"] if method != "HEAD" else True


@pytest.mark.parametrize("host", ["x/y", "x?", "x#", "x/api", "", "[::1", "x y"])
async def test_the_host_header_opens_nothing(site: Site, host: str) -> None:
    answer = await site.http.get("/api/connections", headers={"Host": host})
    assert answer.status_code in (400, 401)
    assert "acme" not in answer.text


@pytest.mark.parametrize(
    "given",
    [ADMIN, f"Basic {ADMIN}", f"bearer {ADMIN}x", f"Bearer {ADMIN[:-1]}", f"Bearer  {ADMIN}", "Bearer ", "Bearer é"],
)
async def test_only_the_very_token_opens(site: Site, given: str) -> None:
    headers = {"Authorization": given.encode("latin-1")}
    assert (await site.http.get("/api/status", headers=headers)).status_code == 401
    assert (await site.http.get("/api/status", headers=site.headers)).status_code == 200


@pytest.mark.parametrize("path", ["//api/status", "/API/status", "/api%2Fstatus", "/openapi.json", "/docs", "/"])
async def test_other_spellings_lead_nowhere(site: Site, path: str) -> None:
    answer = await site.http.get(f"http://paylayer.test{path}")
    assert answer.status_code in (401, 404)
    assert "acme" not in answer.text


@pytest.mark.parametrize("given", ["Bearer ", "Bearer", "", "Bearer x"])
async def test_a_token_that_is_set_to_nothing_opens_nothing(tmp_path: Path, given: str) -> None:
    async for site in site_on(tmp_path, admin=""):
        answer = await site.http.get("/api/status", headers={"Authorization": given})
        assert (answer.status_code, "acme" in answer.text) == (403, False)


async def test_without_a_token_in_the_settings_the_api_is_off(closed_site: Site) -> None:
    answer = await closed_site.http.get("/api/status", headers={"Authorization": "Bearer "})
    assert answer.status_code == 403
    assert answer.json() == {"error": "the API is off: set PAYLAYER_ADMIN_TOKEN"}
    assert (await closed_site.http.get("/health/live")).status_code == 200
