"""What a campaign's clients hear: any sound file, or a text, becomes what a telephone can carry."""

from __future__ import annotations

import io
import math
import wave
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.domain.campaigns.greeting import Greeting
from integration.domain.campaigns.model import Mode
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.ids import AccountId, CampaignId, PbxId
from integration.errors import NotFound, Rejected, Unavailable
from integration.ports.campaign_sounds import RecordedSound, SoundKept
from integration.services import telephone_sound
from integration.services.campaign_sounds import CampaignReceptions, CampaignSounds
from integration.services.telephone_sound import RATE, to_telephone
from integration.services.uploaded_sounds import LARGEST_FILE, UploadedSounds
from integration.speech.espeak import EspeakSpeech
from integration.testing import PBX_ABILITIES, FakePbx


def a_file(
    *, rate: int = 44_100, channels: int = 1, seconds: float = 1.0, form: str = "WAV", hertz: int = 440
) -> bytes:
    """Never call it while tests are collected: every process of a test run would wait for every file."""
    tone = 0.2 * np.sin(2 * math.pi * hertz * np.arange(int(rate * seconds)) / rate)
    target = io.BytesIO()
    soundfile.write(target, np.column_stack([tone] * channels), rate, format=form)
    return target.getvalue()


def heard(wav: bytes) -> np.ndarray:
    with wave.open(io.BytesIO(wav)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, RATE)
        return np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2") / 32_768


def strongest(samples: np.ndarray) -> float:
    """The frequency with most energy, in hertz."""
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * RATE / len(samples))


@pytest.mark.parametrize(
    ("form", "rate", "channels"),
    [
        ("WAV", 44_100, 2),
        ("WAV", 8_000, 1),
        ("WAV", 6_000, 1),
        ("MP3", 44_100, 2),
        ("OGG", 48_000, 1),
        ("FLAC", 16_000, 1),
    ],
)
def test_any_sound_file_becomes_a_telephone_s(form: str, rate: int, channels: int) -> None:
    """The pitch stays, the loudest moment is at -6 dB, and the first syllable is not lost."""
    sound = to_telephone(a_file(form=form, rate=rate, channels=channels))
    samples = heard(sound.wav)
    assert abs(strongest(samples) - 440) < 5
    assert 0.45 < np.abs(samples).max() < 0.55
    assert np.abs(samples[: int(0.25 * RATE)]).max() < 0.02
    assert sound.seconds == pytest.approx(1.8, abs=0.15)


def test_what_a_telephone_cannot_carry_does_not_come_back_as_another_tone() -> None:
    samples = heard(to_telephone(a_file(hertz=440)).wav)
    both = 0.2 * np.sin(2 * math.pi * 6_000 * np.arange(44_100) / 44_100)
    target = io.BytesIO()
    soundfile.write(target, both + 0.2 * np.sin(2 * math.pi * 440 * np.arange(44_100) / 44_100), 44_100, format="WAV")
    spectrum = np.abs(np.fft.rfft(heard(to_telephone(target.getvalue()).wav)))
    mirrored = int(2_000 * len(heard(to_telephone(target.getvalue()).wav)) / RATE)  # 8,000 - 6,000
    assert spectrum[mirrored - 20 : mirrored + 20].max() < spectrum.max() / 50
    assert strongest(samples) == pytest.approx(440, abs=5)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: b"", "bad_sound"),
        (lambda: b"<html>not a sound</html>", "bad_sound"),
        (lambda: a_file()[:30], "bad_sound"),
        (lambda: a_file(channels=9), "bad_sound"),
        (lambda: a_file(rate=1_000), "bad_sound"),
        (lambda: a_file(seconds=0.0), "no_sound"),
        (lambda: a_file(hertz=0), "no_sound"),
        (lambda: a_file(rate=4_000, seconds=telephone_sound.LONGEST_SECONDS + 1), "too_long"),
    ],
)
def test_a_file_that_cannot_be_played_is_refused(make: Callable[[], bytes], code: str) -> None:
    with pytest.raises(Rejected) as refused:
        to_telephone(make())
    assert refused.value.code == code


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 60))
def test_whatever_is_uploaded_is_a_sound_or_refused(damage: bytes, place: int) -> None:
    file = bytearray(a_file(rate=8_000, seconds=0.1))
    file[place : place + len(damage)] = damage
    try:
        sound = to_telephone(bytes(file))
    except Rejected:
        return
    assert heard(sound.wav).size > 0


async def test_an_uploaded_file_is_converted_by_a_process_of_its_own() -> None:
    sound = await UploadedSounds().converted(a_file(form="MP3", channels=2))
    assert abs(strongest(heard(sound.wav)) - 440) < 5
    assert sound.seconds == pytest.approx(1.8, abs=0.15)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: b"MZ\x90\x00 not a sound", "bad_sound"),
        (lambda: a_file(hertz=0), "no_sound"),
        # Hours in a small file.
        (lambda: a_file(form="FLAC", rate=8_000, channels=8, seconds=1_500, hertz=0), "too_long"),
    ],
)
async def test_a_hostile_upload_is_refused(make: Callable[[], bytes], code: str) -> None:
    file = make()
    assert len(file) < LARGEST_FILE
    with pytest.raises(Rejected) as refused:
        await UploadedSounds().converted(file)
    assert refused.value.code == code


async def test_a_file_that_takes_for_ever_is_given_up() -> None:
    with pytest.raises(Rejected) as refused:
        await UploadedSounds(seconds=0.0).converted(a_file())
    assert refused.value.code == "too_long"


@pytest.mark.servers
@pytest.mark.parametrize(
    ("language", "text"),
    [("ru", "Здравствуйте! Нажмите один."), ("uk", "Вітаю! Натисніть один."), ("en", "Hello! Press one.")],
)
async def test_a_text_is_spoken_in_each_language(language: str, text: str) -> None:
    """Needs espeak-ng, which `make test-setup` installs: a longer text takes longer to say."""
    sounds, pbx = CampaignSounds(EspeakSpeech()), FakePbx()
    once, twice = await sounds.of_text(pbx, text, language), await sounds.of_text(pbx, f"{text} {text}", language)
    assert 1.5 < once.seconds < 8.0
    assert twice.seconds > once.seconds + 0.8
    assert len(pbx.sounds) == 2


@pytest.mark.servers
async def test_languages_sound_different() -> None:
    speech = EspeakSpeech()
    assert speech.languages == {"ru", "uk", "en"}
    assert await speech.speak("Добрий ранок", "uk") != await speech.speak("Добрий ранок", "ru")


@pytest.mark.servers
@pytest.mark.parametrize(
    ("text", "language", "code"),
    [
        ("Hallo", "de", "no_voice"),
        ("", "en", "bad_text"),
        ("\x00\x07 [[", "en", "bad_text"),
        ("a" * 1_001, "en", "bad_text"),
    ],
)
async def test_what_cannot_be_spoken_is_refused(text: str, language: str, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        await EspeakSpeech().speak(text, language)
    assert refused.value.code == code


@pytest.mark.servers
@pytest.mark.parametrize("text", ["-v de --help", "$(id); `id` | id", "<speak>hello</speak>", "\ud800 hello", "- - -"])
async def test_a_text_is_never_a_command(text: str) -> None:
    assert (await EspeakSpeech().speak(text, "en")).startswith(b"RIFF")


async def test_without_the_program_nothing_is_spoken_and_it_says_what_to_install() -> None:
    speech = EspeakSpeech("no-such-program")
    assert speech.languages == frozenset()
    with pytest.raises(Rejected, match="install espeak-ng"):
        await speech.speak("Hello", "en")


@pytest.mark.parametrize("program", ["false", "true", "cat"])
async def test_a_program_that_fails_is_not_played(program: str) -> None:
    with pytest.raises((Unavailable, Rejected)):
        await CampaignSounds(EspeakSpeech(program)).of_text(FakePbx(), "Hello", "en")


@pytest.mark.servers
async def test_a_kind_of_pbx_that_plays_nothing_is_not_given_anything() -> None:
    pbx = FakePbx(abilities=replace(PBX_ABILITIES, receives=False))
    with pytest.raises(Rejected) as refused:
        await CampaignSounds(EspeakSpeech()).of_text(pbx, "Hello", "en")
    assert (refused.value.code, pbx.sounds) == ("cannot_receive", {})


@pytest.mark.servers
async def test_a_campaign_s_texts_are_spoken_once_for_each_pbx() -> None:
    class Counted(EspeakSpeech):
        spoken = 0

        async def speak(self, text: str, language: str) -> bytes:
            Counted.spoken += 1
            return await super().speak(text, language)

    receptions = CampaignReceptions(CampaignSounds(Counted()), Kept())
    one, two = FakePbx(id=PbxId("one")), FakePbx()
    plan = CampaignPlan(name="Весна", mode=Mode.VOICE, greeting=Greeting(message="Здравствуйте"))
    first = await receptions.of(one, plan, "ru", **OF, usual_announcement=" Увы ")
    assert await receptions.of(one, plan, "ru", **OF, usual_announcement="Увы") == first
    assert first.message is not None
    assert {first.message.sound, first.announcement} == set(one.sounds)
    assert (await receptions.of(two, plan, "ru", **OF)).announcement == ""
    assert (Counted.spoken, len(two.sounds)) == (3, 1)


OF: dict[str, Any] = {"account": AccountId("acme"), "campaign": CampaignId("spring")}


class Kept:
    """Implements `ports.campaign_sounds.RecordedSounds` with the sounds in `wavs`."""

    def __init__(self, **wavs: bytes) -> None:
        self.wavs = wavs

    async def wav(self, account: AccountId, campaign: CampaignId, sound: str) -> bytes | None:
        return self.wavs.get(sound)

    async def put(self, account: AccountId, campaign: CampaignId, sound: RecordedSound, wav: bytes) -> SoundKept:
        raise NotImplementedError

    async def all(self, account: AccountId, campaign: CampaignId) -> list[RecordedSound]:
        raise NotImplementedError

    async def remove(self, account: AccountId, campaign: CampaignId, sound: str) -> bool:
        raise NotImplementedError

    async def copy(self, account: AccountId, campaign: CampaignId, to: CampaignId) -> None:
        raise NotImplementedError


async def test_a_recorded_sound_is_placed_as_it_is_and_nothing_speaks() -> None:
    wav, key = to_telephone(a_file()).wav, "a" * 24
    plan = CampaignPlan(
        name="Весна", mode=Mode.VOICE, announcement_sound=key, greeting=Greeting(message="text", message_sound=key)
    )
    pbx, silent = FakePbx(), CampaignSounds(EspeakSpeech("no-such-program"))
    made = await CampaignReceptions(silent, Kept(**{key: wav})).of(pbx, plan, "ru", **OF)
    assert made.message is not None
    assert pbx.sounds == {made.message.sound: wav}
    assert made.announcement == made.message.sound
    with pytest.raises(NotFound):
        await CampaignReceptions(silent, Kept()).of(pbx, plan, "ru", **OF)
