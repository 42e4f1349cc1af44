/** A telephone's ring, made by the browser in one of several sounds. No file, no timers. */

import type { Sound } from "./choices";

export interface RingSound {
  /** Rings until `stop`. Does nothing while it rings with this sound and volume. `volume`: 0 to 1. */
  start(sound: Sound, volume: number): void;
  stop(): void;
  /** Plays it once, to be heard before it is chosen. */
  sample(sound: Sound, volume: number): void;
}

/** A note within one period; seconds and hertz. */
interface Note {
  at: number;
  lasts: number;
  tones: number[];
  /** Fades away like a struck bell, instead of ending at once. */
  fades: boolean;
}

interface Tune {
  period: number;
  wave: OscillatorType;
  notes: Note[];
}

const steady = (at: number, lasts: number, ...tones: number[]): Note => ({ at, lasts, tones, fades: false });
const struck = (at: number, lasts: number, ...tones: number[]): Note => ({ at, lasts, tones, fades: true });

const TUNES: Record<Sound, Tune> = {
  classic: { period: 3, wave: "sine", notes: [steady(0, 0.4, 440, 480), steady(0.6, 0.4, 440, 480)] },
  soft: { period: 3.2, wave: "sine", notes: [struck(0, 0.9, 523.25), struck(0.45, 1.2, 659.25)] },
  bell: { period: 2.8, wave: "sine", notes: [struck(0, 1.4, 880, 1760, 2637), struck(0.7, 1.4, 880, 1760, 2637)] },
  marimba: {
    period: 2.6,
    wave: "triangle",
    notes: [struck(0, 0.35, 392), struck(0.18, 0.35, 523.25), struck(0.36, 0.35, 659.25), struck(0.54, 0.6, 783.99)],
  },
};

/** Seconds of sound. After this probably nobody is there; title and card stay. */
const LONGEST = 60;
/** Of full volume: all tones of a note together. */
const LOUDNESS = 0.2;

interface Playing {
  what: string;
  oscillators: OscillatorNode[];
  gain: GainNode;
}

/**
 * Browsers play no sound in a page before its first click or key (autoplay policy). Until then only title and card show
 * a call.
 */
export class BrowserRing implements RingSound {
  private context: AudioContext | null = null;
  private playing: Playing | null = null;
  private tried: Playing | null = null;
  private wanted: { sound: Sound; volume: number } | null = null;

  constructor(signal: AbortSignal) {
    const unlock = () => {
      if (typeof AudioContext !== "function") return;
      this.context ??= new AudioContext();
      void this.context.resume().then(() => this.wanted && this.play(), ignore);
    };
    for (const event of ["pointerdown", "keydown"]) {
      window.addEventListener(event, unlock, { once: true, capture: true, signal });
    }
    signal.addEventListener("abort", () => {
      this.stop();
      this.tried = silenced(this.tried);
      void this.context?.close().catch(ignore);
    });
  }

  start(sound: Sound, volume: number): void {
    this.wanted = { sound, volume };
    this.play();
  }

  stop(): void {
    this.wanted = null;
    this.playing = silenced(this.playing);
  }

  sample(sound: Sound, volume: number): void {
    this.tried = silenced(this.tried);
    if (this.context?.state === "running") this.tried = play(this.context, sound, volume, TUNES[sound].period);
  }

  private play(): void {
    const { context, wanted } = this;
    if (context?.state !== "running" || !wanted) return;
    const what = `${wanted.sound} ${wanted.volume}`;
    if (this.playing?.what === what) return;
    this.playing = silenced(this.playing);
    this.playing = play(context, wanted.sound, wanted.volume, LONGEST);
  }
}

/** Everything is scheduled in advance: a hidden tab's timers are late. */
function play(context: AudioContext, sound: Sound, volume: number, seconds: number): Playing {
  const { period, wave, notes } = TUNES[sound];
  const output = context.createGain();
  output.gain.value = volume * volume; // loudness is heard in powers
  output.connect(context.destination);
  const began = context.currentTime;
  const oscillators = [...new Set(notes.flatMap((note) => note.tones))].map((tone) => {
    const gain = context.createGain();
    gain.gain.value = 0;
    gain.connect(output);
    for (let from = 0; from < seconds; from += period) {
      for (const note of notes.filter((one) => one.tones.includes(tone))) {
        const at = began + from + note.at;
        gain.gain.setTargetAtTime(LOUDNESS / note.tones.length, at, 0.01);
        gain.gain.setTargetAtTime(0, note.fades ? at + 0.05 : at + note.lasts, note.fades ? note.lasts / 4 : 0.02);
      }
    }
    const oscillator = context.createOscillator();
    oscillator.type = wave;
    oscillator.frequency.value = tone;
    oscillator.connect(gain);
    oscillator.start();
    oscillator.stop(began + seconds);
    return oscillator;
  });
  return { what: `${sound} ${volume}`, oscillators, gain: output };
}

function silenced(playing: Playing | null): null {
  for (const oscillator of playing?.oscillators ?? []) oscillator.stop();
  playing?.gain.disconnect();
  return null;
}

function ignore(): void {
  // A browser that refuses to play stays silent; everything else works.
}
