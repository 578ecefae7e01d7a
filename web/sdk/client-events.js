/**
 * What a client tells. Types only.
 *
 * @typedef {import('./errors.js').HubbubError} HubbubError
 * @typedef {import('./protocol.js').AudioFrame} AudioFrame
 * @typedef {import('./protocol.js').ServerEvent} ServerEvent
 * @typedef {import('./protocol.js').Joined} Joined
 * @typedef {import('./protocol.js').ServerFault} ServerFault
 * @typedef {import('./transport/link.js').Link} Link
 *
 * @typedef {'idle' | 'connecting' | 'open' | 'waiting' | 'closed'} State
 *   waiting: the connection was lost and another try comes; closed: for good
 *
 * @typedef {object} StateChange
 * @property {State} state
 * @property {number} retryAt  while waiting: when the next try comes, in ms since the epoch; else 0
 * @property {number} attempt  while waiting or connecting: which try it is, from 1
 * @property {HubbubError | null} error  why it is waiting or closed
 *
 * @typedef {object} ClientEvents
 * @property {StateChange} state
 * @property {ServerEvent} event
 * @property {AudioFrame} audio  sound of a reply (over WebSocket; over WebRTC it comes as a stream)
 * @property {Int16Array} voices  what the other callers say, live (over WebSocket)
 * @property {Link} link  another connection was opened
 * @property {number} roundtrip  in ms, measured every few seconds
 * @property {boolean} quiet  true: no word comes from the server, though the connection stands; false: they come again
 * @property {Joined} joined
 * @property {import('./protocol.js').ParticipantJoined} participant_joined
 * @property {import('./protocol.js').ParticipantLeft} participant_left
 * @property {import('./protocol.js').ParticipantChanged} participant_changed
 * @property {import('./protocol.js').Dtmf} dtmf
 * @property {import('./protocol.js').SpeechStarted} speech_started
 * @property {import('./protocol.js').SpeechStopped} speech_stopped
 * @property {import('./protocol.js').Transcript} transcript
 * @property {import('./protocol.js').Backchannel} backchannel
 * @property {import('./protocol.js').Reply} reply
 * @property {import('./protocol.js').Words} words
 * @property {import('./protocol.js').Floor} floor
 * @property {import('./protocol.js').Gap} gap
 * @property {import('./protocol.js').Playing} playing
 * @property {import('./protocol.js').Hold} hold
 * @property {import('./protocol.js').Resume} resume
 * @property {import('./protocol.js').Clear} clear
 * @property {import('./protocol.js').Turn} turn
 * @property {import('./protocol.js').ToolUse} tool
 * @property {ServerFault} fault
 * @property {import('./protocol.js').Left} left
 */

export {};
