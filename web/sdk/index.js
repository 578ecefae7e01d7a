/** The SDK's public names. */

export { listDevices, canChooseSpeaker, watchDevices } from './devices.js';
export { HubbubError } from './errors.js';
export { HubbubClient } from './hubbub.js';
export { Microphone } from './microphone.js';
export { Player, SilentPlayer } from './player.js';
export { OperatorApi } from './operator.js';
export { CloseCode, MAX_TEXT_CHARS, PROTOCOL_VERSION } from './protocol.js';
export { Api, RoomsApi } from './rooms.js';
export { recallSeat, tabStorage } from './seat.js';
export { connectMicrophone, connectPlayer } from './talk.js';
export { readToken } from './token.js';
export { connect, Voice } from './voice.js';
