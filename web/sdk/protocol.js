/**
 * The native protocol as the browser sees it: pure values, no I/O. `voice/protocol.py` and `voice/event.py` are its source.
 *
 * @typedef {{input_rate_hz: number, output_rate_hz: number, frame_ms: number, lead_ms: number}} AudioFormat
 * @typedef {'speaker' | 'listener' | 'moderator'} Role
 * @typedef {{name: string, kind: 'caller' | 'agent', role?: Role, muted?: boolean, quiet?: boolean,
 *   aside?: string | null}} Participant
 * @typedef {{name: string, why: string, note: string}} EngineInfo
 * @typedef {'idle' | 'thinking' | 'speaking' | 'held'} Mouth
 * @typedef {{start: number, end: number, at: number}} WordTime  characters in the text, samples in the sound
 *
 * @typedef {{type: 'joined', at_ms: number, protocol: number, room: string, name: string, session: string,
 *   resume_token: string, participants: Participant[], audio: AudioFormat, engines: Record<string, EngineInfo>,
 *   interruptible: boolean, resumed?: boolean, missed?: number, resume_ms?: number, features?: string[]}} Joined
 * @typedef {{type: 'gap', at_ms: number, after: number, until: number}} Gap  events that were missed and are lost
 * @typedef {{type: 'participant_joined', at_ms: number, participant: Participant}} ParticipantJoined
 * @typedef {{type: 'participant_left', at_ms: number, participant: Participant}} ParticipantLeft
 * @typedef {{type: 'participant_changed', at_ms: number, participant: Participant}} ParticipantChanged
 * @typedef {{type: 'dtmf', at_ms: number, speaker: string, digits: string}} Dtmf
 * @typedef {{type: 'speech_started', at_ms: number, speaker: string}} SpeechStarted
 * @typedef {{type: 'speech_stopped', at_ms: number, speaker: string}} SpeechStopped
 * @typedef {{type: 'transcript', at_ms: number, speaker: string, text: string, final: boolean, turn: number,
 *   source: 'speech' | 'text'}} Transcript
 * @typedef {{type: 'backchannel', at_ms: number, speaker: string, text: string}} Backchannel
 * @typedef {{type: 'reply', at_ms: number, reply: number, agent: string, text: string, final: boolean, turn: number,
 *   delta: string, unheard: string, interrupted: boolean, interrupted_by: string | null,
 *   reason: '' | 'completed' | 'interrupted' | 'exceeded' | 'error'}} Reply
 * @typedef {{type: 'words', at_ms: number, reply: number, words: WordTime[]}} Words
 * @typedef {{type: 'floor', at_ms: number, speaker: string | null, mouth: Mouth, queue?: string[]}} Floor
 * @typedef {{type: 'hold', at_ms: number, reply: number}} Hold
 * @typedef {{type: 'resume', at_ms: number, reply: number}} Resume
 * @typedef {{type: 'clear', at_ms: number, reply: number}} Clear
 * @typedef {{type: 'playing', at_ms: number, reply: number, offset: number, rtp: number}} Playing  over WebRTC: from here on it
 *   sounds, beginning with this RTP timestamp (48 kHz)
 * @typedef {{endpoint_ms: number, asr_ms: number, model_ms: number, sentence_ms: number, tts_ms: number,
 *   send_ms: number, play_ms: number, total_ms: number, overlap_ms?: number, trimmed_ms?: number}} TurnLatency
 * @typedef {{type: 'turn', at_ms: number, turn: number, speaker: string, agent: string, reply: number,
 *   latency: TurnLatency, engines: Record<string, string>}} Turn
 * @typedef {{type: 'tool', at_ms: number, agent: string, name: string,
 *   state: 'running' | 'success' | 'error' | 'interrupted' | 'denied'}} ToolUse
 * @typedef {{type: 'error', at_ms: number, code: string, message: string, fatal: boolean}} ServerFault
 * @typedef {{type: 'pong', at_ms: number, id: number}} Pong
 * @typedef {{type: 'left', at_ms: number, reason: string}} Left
 * @typedef {{seq?: number}} Numbered  in the session's log, from 1
 * @typedef {Numbered & (Joined | Gap | Playing | ParticipantJoined | ParticipantLeft | ParticipantChanged | Dtmf | SpeechStarted | SpeechStopped | Transcript | Backchannel | Reply
 *   | Words | Floor | Hold | Resume | Clear | Turn | ToolUse | ServerFault | Pong | Left)} ServerEvent
 */

export const PROTOCOL_VERSION = 1;

/** Longest typed turn, in characters. */
export const MAX_TEXT_CHARS = 4000;

/** Why a connection was closed. */
export const CloseCode = Object.freeze({
  NORMAL: 1000,
  GOING_AWAY: 1001,
  BAD_MESSAGE: 1008,
  TOO_BIG: 1009,
  REFUSED: 4003,
  SLOW: 4008,
  REPLACED: 4009,
  /** Not on any wire: WebRTC did not come about, and another way may. */
  NO_WEBRTC: 4900,
});

const KIND_AUDIO = 1;
const KIND_VOICES = 2;
const FLAG_LAST = 1;
export const HEADER_BYTES = 8;

/**
 * Sound of a reply, as it comes from the server.
 *
 * @typedef {object} AudioFrame
 * @property {number} reply  number of the reply in its session, from 1
 * @property {number} offset  place of the first sample in the reply's sound, in samples
 * @property {boolean} last  nothing of this reply follows
 * @property {Int16Array} samples
 */

/**
 * Reads a binary message.
 *
 * @param {ArrayBuffer} data
 * @param {number} [newestReply]  the newest reply known: on the wire only the low 16 bits of the number travel
 * @returns {{kind: 'reply', frame: AudioFrame} | {kind: 'voices', samples: Int16Array} | null}  null for a kind of message
 *   that this version does not know
 */
export function unpackBinary(data, newestReply = 0) {
  if (data.byteLength < HEADER_BYTES || (data.byteLength - HEADER_BYTES) % 2) return null;
  const view = new DataView(data);
  const kind = view.getUint8(0);
  if (kind !== KIND_AUDIO && kind !== KIND_VOICES) return null;
  const count = (data.byteLength - HEADER_BYTES) / 2;
  const samples = new Int16Array(count);
  for (let i = 0; i < count; i++) samples[i] = view.getInt16(HEADER_BYTES + 2 * i, true);
  if (kind === KIND_VOICES) return { kind: 'voices', samples };
  const reply = unwrapReply(view.getUint16(2, true), newestReply);
  const last = (view.getUint8(1) & FLAG_LAST) !== 0;
  return { kind: 'reply', frame: { reply, offset: view.getUint32(4, true), last, samples } };
}

/**
 * The whole number of a reply, given its low 16 bits and a number close to it.
 *
 * @param {number} low
 * @param {number} near
 */
export function unwrapReply(low, near) {
  const turn = Math.round((near - low) / 0x10000);
  return Math.max(0, turn) * 0x10000 + low;
}
