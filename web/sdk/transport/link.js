/**
 * What a link is: one connection of a client, over whatever wire. A client uses one after another.
 *
 * A link opens as soon as it is made. Its first event is `joined`, or it closes. It closes once, and says nothing afterwards.
 *
 * @typedef {import('../protocol.js').ServerEvent} ServerEvent
 * @typedef {import('../protocol.js').AudioFrame} AudioFrame
 *
 * @typedef {object} Seat  what is asked for at the door
 * @property {import('../endpoints.js').Endpoints} endpoints
 * @property {string} room
 * @property {string} name
 * @property {string} role  empty: as the server sees fit
 * @property {string} token  empty: none
 * @property {string | null} resume  the token of a session whose connection was lost
 * @property {{after?: number, heard?: {reply: number, offset: number}}} news  coming back: the last event and sound that came
 * @property {{input_rate_hz: number, output_rate_hz: number, playhead: boolean}} audio
 *
 * @typedef {{code: number, reason: string}} Closing  `code`: a CloseCode, whatever the wire
 *
 * @typedef {object} LinkEvents
 * @property {ServerEvent} event
 * @property {AudioFrame} audio  sound of a reply, where it comes in frames
 * @property {Int16Array} voices  the other callers, live, where they come in frames
 * @property {Closing} close
 * @property {undefined} answered  WebRTC: the server has answered, and a way is looked for
 * @property {undefined} reached  WebRTC: a way was found
 * @property {undefined} ready  a WebSocket that was told to wait stands
 *
 * @typedef {object} LinkParts
 * @property {'websocket' | 'webrtc'} kind
 * @property {MediaStream | null} stream  the sound of the room, where it comes as a stream
 * @property {() => number | null} playedRtp  the RTP timestamp that sounds now, where there is one
 * @property {(message: object) => void} send
 * @property {(pcm: Int16Array) => boolean} sendAudio  false: it was dropped, since the line is choked
 * @property {(track: MediaStreamTrack | null) => void} setTrack  the microphone, where it goes as a stream
 * @property {(code: number, reason: string) => void} close  no `close` event follows
 *
 * @typedef {import('../emitter.js').Emitter<LinkEvents> & LinkParts} Link
 */

export {};
