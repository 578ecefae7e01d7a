// Runs in a page of the server: joins by WebRTC with the fake microphone, keeps the events, and measures the sound that is played.
const done = arguments[arguments.length - 1];
const [query] = arguments;
(async () => {
  const state = window.rtc = { events: [], levels: [], states: [], began: performance.now() };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  const pc = state.pc = new RTCPeerConnection({ iceServers: [] });
  const audio = state.receiver = pc.addTransceiver(stream.getAudioTracks()[0], { direction: "sendrecv" });
  const channel = state.channel = pc.createDataChannel("hubbub");
  channel.onmessage = (event) => state.events.push({ at: performance.now(), ...JSON.parse(event.data) });
  pc.onconnectionstatechange = () => state.states.push(pc.connectionState);
  pc.ontrack = ({ track }) => {
    const element = document.createElement("audio");
    element.autoplay = true;
    element.srcObject = new MediaStream([track]);
    document.documentElement.append(element);
    const context = state.context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      let sum = 0;
      for (const sample of samples) sum += sample * sample;
      const playing = audio.receiver.getSynchronizationSources()[0]?.rtpTimestamp ?? -1;
      state.levels.push([performance.now(), Math.sqrt(sum / samples.length), playing]);
    }, 20);
  };
  const early = [];
  let trickle = (candidate) => early.push(candidate);  // until it is known where to
  pc.onicecandidate = ({ candidate }) => candidate?.candidate && trickle(candidate.candidate);
  await pc.setLocalDescription(await pc.createOffer());
  const answer = await fetch(`/api/webrtc?${query}`, { method: "POST", headers: { "content-type": "application/sdp" }, body: pc.localDescription.sdp });
  if (answer.status !== 201) return `${answer.status} ${await answer.text()}`;
  state.location = answer.headers.get("location");
  state.etag = answer.headers.get("etag");
  trickle = async (candidate) => {
    const ufrag = /a=ice-ufrag:(\S+)/.exec(pc.localDescription.sdp)[1];
    const pwd = /a=ice-pwd:(\S+)/.exec(pc.localDescription.sdp)[1];
    const body = `a=ice-ufrag:${ufrag}\r\na=ice-pwd:${pwd}\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=${candidate}\r\n`;
    const trickled = await fetch(state.location, { method: "PATCH", headers: { "content-type": "application/trickle-ice-sdpfrag", "if-match": state.etag }, body });
    state.trickled = trickled.status;
  };
  for (const candidate of early) await trickle(candidate);
  const accepted = await answer.text();
  await pc.setRemoteDescription({ type: "answer", sdp: accepted });
  state.restart = async () => {  // as after a change of network: new ICE names both ways, the same DTLS and the same seat
    await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
    const [ufrag, pwd] = ["ufrag", "pwd"].map((name) => new RegExp(`a=ice-${name}:\\S+`).exec(pc.localDescription.sdp)[0]);
    const body = `${ufrag}\r\n${pwd}\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n`;
    const restarted = await fetch(state.location, { method: "PATCH", headers: { "content-type": "application/trickle-ice-sdpfrag", "if-match": "*" }, body });
    if (restarted.status !== 200) return `${restarted.status} ${await restarted.text()}`;
    state.etag = restarted.headers.get("etag");
    const fresh = await restarted.text();
    const kept = accepted.split("\r\n").filter((line) => !/^a=(candidate|ice-ufrag|ice-pwd|end-of)/.test(line));
    const news = fresh.split("\r\n").filter((line) => /^a=(candidate|ice-ufrag|ice-pwd|end-of)/.test(line));
    const sdp = kept.flatMap((line) => (line.startsWith("a=mid:") ? [line, ...news] : [line])).join("\r\n");
    await pc.setRemoteDescription({ type: "answer", sdp });
    return "";
  };
  return "";
})().then(done, (error) => done(String(error)));
