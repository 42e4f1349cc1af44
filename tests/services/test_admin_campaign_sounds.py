"""The page of a campaign's recordings: upload, hear, choose where they are played, go back to the text, delete."""

from __future__ import annotations

import io

import aiohttp
import pytest

from integration.domain.campaigns.greeting import Greeting
from integration.domain.campaigns.model import Mode
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.ids import CampaignId
from integration.ports.campaigns import StoredCampaign
from integration.texts.pages import texts
from tests.services.admin_office import Office
from tests.services.conftest import ACME
from tests.services.test_campaign_sounds import a_file, heard

EN = texts("en")
SPRING = CampaignId("spring")
HERE = f"/admin/acme/campaigns/{SPRING}/sounds"
PLAN = CampaignPlan(name="Весна", mode=Mode.VOICE, greeting=Greeting(message="Ваш заказ готов."))


async def upload(office: Office, content: bytes, name: str = "голос <b>.mp3") -> str:
    """Returns the page after redirects."""
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("file", io.BytesIO(content), filename=name)
    origin = str(office.client.make_url("/").origin())
    async with office.client.post(f"{HERE}?lang=en", data=form, headers={"Origin": origin}) as answer:
        assert answer.status == 200
        return await answer.text()


async def uploaded(office: Office) -> str:
    """Returns the id of a sound of the campaign."""
    await office.world.storage.campaigns.make(ACME, SPRING, PLAN, by="Ольга")
    await upload(office, a_file(form="MP3"))
    (sound,) = await office.world.storage.campaign_sounds.all(ACME, SPRING)
    return sound.id


async def stored(office: Office) -> StoredCampaign:
    found = await office.world.storage.campaigns.get(ACME, SPRING)
    assert found is not None
    return found


async def test_an_uploaded_file_is_heard_before_it_is_used(signed_in: Office) -> None:
    sound = await uploaded(signed_in)
    page = await signed_in.page(f"{HERE}?lang=en")
    assert "голос &lt;b&gt;.mp3" in page
    assert f'src="{HERE}/{sound}"' in page
    async with signed_in.client.get(f"{HERE}/{sound}") as answer:
        assert answer.content_type == "audio/wav"
        assert heard(await answer.read()).size > 8_000
    assert (await stored(signed_in)).plan == PLAN, "nobody hears it yet"


async def test_the_same_file_twice_is_one_recording(signed_in: Office) -> None:
    await uploaded(signed_in)
    await upload(signed_in, a_file(form="MP3"), "again.mp3")
    assert len(await signed_in.world.storage.campaign_sounds.all(ACME, SPRING)) == 1


async def test_a_chosen_recording_is_a_change_of_the_rules_that_the_form_keeps_and_undo_takes_back(
    signed_in: Office,
) -> None:
    sound = await uploaded(signed_in)
    for what in ("message", "announcement"):
        await signed_in.send(f"{HERE}/{sound}/use", what=what)
    plan = (await stored(signed_in)).plan
    assert (plan.greeting.message_sound, plan.announcement_sound) == (sound, sound)
    async with signed_in.client.get(f"/admin/acme/campaigns/{SPRING}/hear/message") as answer:
        assert answer.status == 200
    assert EN["sound_in_use"] in await signed_in.send(f"{HERE}/{sound}/delete?lang=en")
    await signed_in.send(f"{HERE}/speak", what="message")
    assert (await stored(signed_in)).plan.greeting == PLAN.greeting
    changes = await signed_in.world.storage.campaigns.history(ACME, SPRING)
    assert len(changes) == 4
    await signed_in.send(f"/admin/acme/campaigns/{SPRING}/undo/{changes[0].seq}")
    assert (await stored(signed_in)).plan == plan
    copied = await signed_in.send(f"/admin/acme/campaigns/{SPRING}/copy")
    assert copied
    (other,) = [each for each in await signed_in.world.storage.campaigns.all(ACME) if each.id != SPRING]
    assert await signed_in.world.storage.campaign_sounds.wav(ACME, other.id, sound) is not None


async def test_without_words_the_recording_stays(signed_in: Office) -> None:
    sound = await uploaded(signed_in)
    await signed_in.send(f"{HERE}/{sound}/use", what="message")
    seen = await stored(signed_in)
    silent = CampaignPlan(name="Весна", mode=Mode.VOICE, greeting=Greeting(message_sound=sound))
    await signed_in.world.storage.campaigns.change(ACME, SPRING, silent, seen=seen.revision, by="Ольга")
    await signed_in.send(f"{HERE}/speak", what="message")
    assert (await stored(signed_in)).plan == silent


async def test_an_unused_recording_is_deleted(signed_in: Office) -> None:
    sound = await uploaded(signed_in)
    await signed_in.send(f"{HERE}/{sound}/delete")
    assert await signed_in.world.storage.campaign_sounds.all(ACME, SPRING) == []
    async with signed_in.client.get(f"{HERE}/{sound}") as answer:
        assert answer.status == 404
    await signed_in.send(f"{HERE}/{sound}/use", what="message")
    assert (await stored(signed_in)).plan == PLAN


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "sound_trouble_missing"),
        (b"%PDF-1.4", "sound_trouble_bad_sound"),
        (a_file(hertz=0), "sound_trouble_no_sound"),
        (bytes(20_000_001), "sound_trouble_too_large"),
    ],
)
async def test_what_cannot_be_played_is_refused_in_words(signed_in: Office, content: bytes, why: str) -> None:
    await signed_in.world.storage.campaigns.make(ACME, SPRING, PLAN, by="Ольга")
    assert EN[why] in await upload(signed_in, content)
    assert await signed_in.world.storage.campaign_sounds.all(ACME, SPRING) == []
