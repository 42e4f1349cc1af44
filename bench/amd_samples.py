"""What is heard where a telephone is answered: people, machines, announcements, silence, a fax; as a line carries it.

espeak-ng speaks the words in three languages. Without it they are bursts with the rhythm of syllables, and the report
says so. No real person's voice is here: the samples show where the detector errs, and not how often it does in a town.
"""

from __future__ import annotations

import asyncio
import io
import random
import shutil
import subprocess
import wave
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from integration.services.telephone_sound import RATE, to_telephone

Samples = NDArray[np.float64]
TAIL_SECONDS = 7.0  # of quiet line after the words: AMD() counts silence by the packets that carry it
_SILENT_BEFORE = 0.3  # what `to_telephone` puts before the words
_LINE_NOISE = 10 ** (-62 / 20)
_STREET_BELOW = 10 ** (-30 / 20)  # by the loudest moment of the voice: 15 dB below its mean


class Answers(StrEnum):
    SHORT = "a person, a word or two"
    LONG = "a person of a firm, a long greeting"
    LATE = "a person who speaks after three seconds"
    STREET = "a person in a street"
    MACHINE_BEEP = "a machine, with a beep"
    MACHINE = "a machine, without a beep"
    CARRIER = "an announcement of the carrier"
    SILENCE = "silence"
    FAX = "a fax"


PEOPLE = frozenset({Answers.SHORT, Answers.LONG, Answers.LATE, Answers.STREET})
MACHINES = frozenset({Answers.MACHINE_BEEP, Answers.MACHINE, Answers.CARRIER, Answers.FAX})

_SHORT = {
    "ru": ("Алло!", "Да?", "Алло, слушаю вас.", "Да, слушаю."),
    "uk": ("Алло!", "Так?", "Алло, слухаю вас.", "Слухаю."),
    "en": ("Hello?", "Yes?", "Hello, who is it?", "Speaking."),
}
_LONG = {
    "ru": ("Компания Ромашка, менеджер Анна, здравствуйте!", "Добрый день, автосервис на Лесной, слушаю вас."),
    "uk": ("Компанія Ромашка, менеджер Ганна, добрий день!", "Вітаю, автосервіс на Лісовій, слухаю вас."),
    "en": ("Good morning, Smith and Sons, this is Anna speaking.", "Thank you for calling the garage, how can I help?"),
}
_MACHINE = {
    "ru": (
        "Здравствуйте! Вы позвонили по номеру Анны. Сейчас я не могу ответить. Оставьте сообщение после сигнала.",
        "Привет, это автоответчик Ивана. Меня нет дома, скажите, что вы хотели, и я вам перезвоню.",
    ),
    "uk": (
        "Вітаю! Ви зателефонували Ганні. Зараз я не можу відповісти. Залиште повідомлення після сигналу.",
        "Привіт, це автовідповідач Івана. Мене немає вдома, скажіть, що ви хотіли, і я вам передзвоню.",
    ),
    "en": (
        "Hello, you have reached Anna. I cannot come to the phone right now. Please leave a message after the tone.",
        "Hi, this is John's voicemail. I am not at home, so tell me what you want and I will call you back.",
    ),
}
_CARRIER = {
    "ru": ("Аппарат абонента выключен или находится вне зоны действия сети. Попробуйте позвонить позднее.",),
    "uk": ("На жаль, зараз немає зв’язку з вашим абонентом. Зателефонуйте, будь ласка, пізніше.",),
    "en": ("The person you are calling is not available at the moment. Please try again later.",),
}
_TEXTS: Mapping[Answers, Mapping[str, tuple[str, ...]]] = {
    Answers.SHORT: _SHORT,
    Answers.LONG: _LONG,
    Answers.LATE: _SHORT,
    Answers.STREET: _SHORT,
    Answers.MACHINE_BEEP: _MACHINE,
    Answers.MACHINE: _MACHINE,
    Answers.CARRIER: _CARRIER,
}
LANGUAGES = ("ru", "uk", "en")
VOICES = ("+m2", "+f3", "+m6", "+f5")  # of espeak-ng; the usual values were chosen with others
LEVELS = (-6.0, -15.0, -25.0)  # dB of full scale, at the loudest


@dataclass(frozen=True, slots=True)
class Sample:
    """`name`: letters, digits and dashes, beginning with a letter."""

    name: str
    answers: Answers
    language: str
    level: float
    wav: bytes


Speak = Callable[[str, str, str], Samples]
"""Text, language and voice to samples at RATE, without silence before."""


def speaker() -> tuple[str, Speak]:
    """What speaks here, in words, and how."""
    program = shutil.which("espeak-ng")
    if program is None:
        return "bursts with the rhythm of syllables: espeak-ng is not installed", _bursts
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return version.partition("  Data")[0], lambda text, language, voice: _espeak(program, text, language, voice)


async def samples(speak: Speak, *, voices: int, levels: tuple[float, ...], texts: int) -> list[Sample]:
    """All of them; the same for the same arguments."""
    return await asyncio.to_thread(lambda: list(_samples(speak, voices, levels, texts)))


def _samples(speak: Speak, voices: int, levels: tuple[float, ...], texts: int) -> Iterator[Sample]:
    chance = random.Random(20_261)
    for answers, by_language in _TEXTS.items():
        for language in LANGUAGES:
            for number, text in enumerate(by_language[language][:texts]):
                for voice in VOICES[:voices]:
                    said = speak(text, language, voice)
                    for level in levels:
                        name = f"{answers.name.lower().replace('_', '-')}-{language}-{number}-{voice[1:]}-{-level:.0f}"
                        yield Sample(name, answers, language, level, _heard(answers, said, level, chance))
    for level in levels:
        yield Sample(f"silence-{-level:.0f}", Answers.SILENCE, "", level, _wav(_line(9.0, chance)))
        yield Sample(f"fax-{-level:.0f}", Answers.FAX, "", level, _heard(Answers.FAX, _tone(2100, 3.0), level, chance))


def _heard(answers: Answers, said: Samples, level: float, chance: random.Random) -> bytes:
    """With the silence before and after it, at a level, through the noise and the A-law of a telephone line."""
    before = 3.0 if answers is Answers.LATE else chance.uniform(0.2, 0.6)
    parts = [np.zeros(int(before * RATE)), said]
    if answers is Answers.MACHINE_BEEP:
        parts += [np.zeros(int(0.4 * RATE)), 0.4 * _tone(1000, 0.6)]
    whole = np.concatenate([*parts, np.zeros(int(TAIL_SECONDS * RATE))])
    loudest = 10 ** (level / 20)
    whole *= loudest / max(float(np.abs(whole).max()), 1e-9)
    noise = loudest * _STREET_BELOW if answers is Answers.STREET else _LINE_NOISE
    return _wav(whole + _noise(len(whole), noise, chance))


def _line(seconds: float, chance: random.Random) -> Samples:
    return _noise(int(seconds * RATE), _LINE_NOISE, chance)


def _noise(count: int, loudness: float, chance: random.Random) -> Samples:
    return np.random.default_rng(chance.getrandbits(32)).normal(0.0, loudness, count)


def _tone(hertz: int, seconds: float) -> Samples:
    return np.asarray(np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE), dtype=np.float64)


def _espeak(program: str, text: str, language: str, voice: str) -> Samples:
    name = {"en": "en-gb"}.get(language, language) + voice
    command = [program, "-v", name, "-s", "155", "--stdin", "--stdout"]
    spoken = subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout
    with wave.open(io.BytesIO(to_telephone(spoken).wav)) as sound:
        heard = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2") / 32_768
    loud = np.nonzero(np.abs(heard) > 0.01)[0]
    return np.asarray(heard[loud[0] : loud[-1] + 1], dtype=np.float64)


def _bursts(text: str, language: str, voice: str) -> Samples:
    """A syllable for each vowel, a pause for each word's end: the voice is a buzz with a fundamental and overtones."""
    pitch = 110 + 30 * VOICES.index(voice)
    parts: list[Samples] = []
    for word in text.split():
        vowels = max(1, sum(letter in "аеёиоуыэюяіїєaeiouy" for letter in word.lower()))
        for _ in range(vowels):
            length = int(0.14 * RATE)
            time = np.arange(length) / RATE
            buzz = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(3, 20))
            parts.append(np.asarray(buzz * np.hanning(length), dtype=np.float64))
        parts.append(np.zeros(int((0.35 if word[-1] in ".,!?" else 0.06) * RATE)))
    return np.concatenate(parts)


def _wav(heard: Samples) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes((_through_alaw(heard) * 32_767).astype("<i2").tobytes())
    return target.getvalue()


def _through_alaw(heard: Samples) -> Samples:
    """Thirteen bits to eight and back, as G.711 A-law rounds them."""
    sign, size = np.sign(heard), np.clip(np.abs(heard), 0.0, 1.0)
    a = 87.6
    coded = np.where(
        size < 1 / a, a * size / (1 + np.log(a)), (1 + np.log(np.maximum(a * size, 1e-12))) / (1 + np.log(a))
    )
    coded = np.round(coded * 127) / 127
    back = np.where(coded < 1 / (1 + np.log(a)), coded * (1 + np.log(a)) / a, np.exp(coded * (1 + np.log(a)) - 1) / a)
    return np.asarray(sign * back, dtype=np.float64)
