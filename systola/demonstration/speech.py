"""Speech made here, so that networks that listen have something to hear: formants, no recording.

Harmonics under three moving formants, noise for unvoiced phones. Random features would do nothing: every
output of a wake word's network would be 0.
"""

from functools import cache
from typing import Any

import numpy as np

RATE = 16000
# three formants in Hz, voiced, loudness
PHONES = {
    "@": (500, 1500, 2500, 1, 1), "o": (450, 900, 2400, 1, 1), "u": (320, 1000, 2300, 1, 0.8),
    "e": (500, 1850, 2550, 1, 1), "a": (730, 1150, 2450, 1, 1), "I": (400, 1950, 2550, 1, 0.9),
    "A": (680, 1250, 2500, 1, 1), "n": (280, 1500, 2500, 1, 0.35), "m": (280, 1000, 2200, 1, 0.35),
    "r": (380, 1150, 1600, 1, 0.7), "l": (360, 1100, 2600, 1, 0.6), "v": (300, 1200, 2300, 1, 0.3),
    "b": (250, 900, 2200, 1, 0.25), "h": (500, 1800, 2600, 0, 0.12), "k": (1800, 2300, 3200, 0, 0.3),
    "s": (4500, 5600, 6800, 0, 0.35), "d": (2200, 3200, 4800, 0, 0.35), "f": (3000, 5000, 7000, 0, 0.08),
    "t": (3500, 4500, 6000, 0, 0.3), "_": (500, 1500, 2500, 0, 0),
}  # fmt: skip
WORDS = {
    "okay_nabu": "o o k _ e e I n A a b u u u", "hey_jarvis": "h k e I _ d I a r v I s s",
    "alexa": "@ l e e k _ s s @ @", "hey_mycroft": "h e e I m a a I k r o a f f t",
}  # fmt: skip


def speak(phones: str, random: np.random.Generator) -> np.ndarray:
    """A voice of random pitch, tract and pace, after a pause: float64 [samples]."""
    frames = np.array([PHONES[phone] for phone in phones.split()], float)
    frames[:, :3] *= random.uniform(0.9, 1.2)
    length = int(random.uniform(0.06, 0.1) * RATE)
    place = (np.arange(length * len(frames)) / length - 0.5).clip(0, len(frames) - 1)
    now, blend = place.astype(int), np.clip((place % 1 - 0.25) * 2, 0, 1)[:, None]
    track = frames[now] * (1 - blend) + frames[np.minimum(now + 1, len(frames) - 1)] * blend
    pitch = random.uniform(85, 230) * (1.1 - 0.25 * np.linspace(0, 1, len(track)))
    sound = track[:, 3] * voice(track, pitch) + (1 - track[:, 3]) * noise(track, random)
    sound *= track[:, 4]
    pause = random.standard_normal(int(random.uniform(0.3, 1) * RATE)) * 10**-3.5
    return np.concatenate([pause, sound / np.abs(sound).max() * 10 ** random.uniform(-1.3, -0.25)])


def voice(track: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Harmonics of a pitch under the formants of a track."""
    phase, y = 2 * np.pi * np.cumsum(pitch) / RATE, np.zeros(len(track))
    for harmonic in range(1, int(7000 / pitch.max())):
        near = np.zeros(len(track))
        for k, (a, width) in enumerate(((1, 70), (0.6, 90), (0.3, 130))):
            near += a / (1 + ((harmonic * pitch - track[:, k]) / width) ** 2)
        y += near * np.sin(harmonic * phase)
    return y


def noise(track: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Noise about the formants of a track."""
    soft = [np.convolve(random.standard_normal(len(track)), np.hanning(25) / 12, "same") for _ in range(3)]
    carriers = np.cos(2 * np.pi * np.cumsum(track[:, :3], 0) / RATE)
    return np.asarray(1.5 * (np.array(soft).T * carriers).sum(1))


@cache
def said(word: str, seed: int = 0, times: int = 20) -> np.ndarray:
    """The word over and over by different voices: int16 [samples]."""
    random = np.random.default_rng(seed)
    sound = np.concatenate([speak(WORDS[word], random) for _ in range(times)])
    return np.asarray(np.clip(sound, -1, 1) * 32767, "<i2")


def features(sound: np.ndarray) -> np.ndarray:
    """Features by the wake words' own front-end: float32 [frames, 40], one each 10 ms."""
    from pymicro_features import MicroFrontend

    front_end: Any = MicroFrontend()
    left, rows = sound.tobytes(), []
    while len(left) >= 320:
        result = front_end.process_samples(left[:320])
        left = left[2 * result.samples_read :]
        rows += [result.features] if result.features else []
    return np.array(rows, np.float32)
