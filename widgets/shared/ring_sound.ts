/** A telephone's ring, made by the browser: two tones, twice, then a pause. No file, no timers. */

export interface RingSound {
  start(): void;
  stop(): void;
}

/** Seconds; within one period. */
const BURSTS = [0, 0.6];
const BURST = 0.4;
const PERIOD = 3;
/** Seconds of sound. After this probably nobody is there; title and card stay. */
const LONGEST = 60;
const LOUDNESS = 0.08;
const TONES = [440, 480];

/**
 * Browsers play no sound in a page before its first click or key (autoplay policy). Until then only title and card show
 * a call.
 */
export class BrowserRing implements RingSound {
  private context: AudioContext | null = null;
  private playing: { oscillators: OscillatorNode[]; gain: GainNode } | null = null;
  private wanted = false;

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
      void this.context?.close().catch(ignore);
    });
  }

  start(): void {
    this.wanted = true;
    this.play();
  }

  stop(): void {
    this.wanted = false;
    if (!this.playing) return;
    for (const oscillator of this.playing.oscillators) oscillator.stop();
    this.playing.gain.disconnect();
    this.playing = null;
  }

  private play(): void {
    const { context } = this;
    if (context?.state !== "running" || this.playing) return;
    const gain = context.createGain();
    gain.gain.value = 0;
    gain.connect(context.destination);
    // Scheduled in advance: a hidden tab's timers are late.
    for (let period = 0; period < LONGEST; period += PERIOD) {
      for (const burst of BURSTS) {
        const at = context.currentTime + period + burst;
        gain.gain.setTargetAtTime(LOUDNESS, at, 0.01);
        gain.gain.setTargetAtTime(0, at + BURST, 0.02);
      }
    }
    const oscillators = TONES.map((frequency) => {
      const oscillator = context.createOscillator();
      oscillator.frequency.value = frequency;
      oscillator.connect(gain);
      oscillator.start();
      oscillator.stop(context.currentTime + LONGEST);
      return oscillator;
    });
    this.playing = { oscillators, gain };
  }
}

function ignore(): void {
  // A browser that refuses to play stays silent; everything else works.
}
