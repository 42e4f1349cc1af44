"""The administrators' page that shows how a call would be routed."""

from __future__ import annotations

from tests.services.admin_office import Office


async def test_a_route_is_asked_for_one_of_several_pbxs(branched: Office) -> None:
    page = await branched.page("/admin/acme/route?number=89161234567&line=1&pbx=branch")
    assert "<option selected>branch</option>" in page
    assert branched.asked_at == ["branch"]
    branched.world.account.set_pbxs([branched.world.pbx])
    assert 'name="pbx"' not in await branched.page("/admin/acme/route?number=89161234567&line=1")
