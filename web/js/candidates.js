// Candidate lines (RFC 8839 section 5.1), ICE servers, and their text forms.

/** The fields of a candidate line; null when it is not one. */
export function parseCandidate(line) {
  const words = line.replace(/^a=/, "").replace(/^candidate:/, "").trim().split(/\s+/);
  if (words.length < 8 || words[6] !== "typ") return null;
  const [foundation, component, protocol, priority, address, port, , type, ...rest] = words;
  const extensions = {};
  for (let index = 0; index + 1 < rest.length; index += 2) extensions[rest[index]] = rest[index + 1];
  return {
    foundation,
    component: Number(component),
    protocol: protocol.toLowerCase(),
    priority: Number(priority),
    address,
    port: Number(port),
    type,
    relatedAddress: extensions.raddr ?? null,
    relatedPort: extensions.rport === undefined ? null : Number(extensions.rport),
    tcpType: extensions.tcptype ?? null,
    usernameFragment: extensions.ufrag ?? null,
  };
}

/** The candidate lines within a description. */
export function candidatesOf(sdp) {
  return [...sdp.matchAll(/^a=candidate:.*$/gm)].map(([line]) => parseCandidate(line)).filter(Boolean);
}

export function endpoint({ address, port }) {
  if (!address) return "hidden address";
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

export function describeCandidate(candidate) {
  const tcp = candidate.tcpType ? ` ${candidate.tcpType}` : "";
  return `${candidate.type} ${candidate.protocol}${tcp} ${endpoint(candidate)}`;
}

/**
 * ICE servers from the settings field: a line each, `URL [username credential]`.
 * Throws an Error that names the line.
 */
export function parseIceServers(text) {
  const servers = [];
  for (const [index, line] of text.split("\n").entries()) {
    const words = line.trim().split(/\s+/);
    if (words[0] === "" || words[0].startsWith("#")) continue;
    const [urls, username, credential] = words;
    const where = `Line ${index + 1}`;
    if (!/^(stun|turn)s?:[^/]/.test(urls)) throw new Error(`${where}: “${urls}” is not a stun: or turn: address.`);
    if (urls.startsWith("turn") && credential === undefined) {
      throw new Error(`${where}: a TURN server needs a user name and a password after its address.`);
    }
    if (words.length > 3) throw new Error(`${where}: more than address, user name and password.`);
    const server = credential === undefined ? { urls } : { urls, username, credential };
    const complaint = browserComplaint(server);
    if (complaint) throw new Error(`${where}: the browser refuses “${urls}”. ${complaint}`);
    servers.push(server);
  }
  return servers;
}

/** The browser knows best what it takes. */
function browserComplaint(server) {
  if (!window.RTCPeerConnection) return null;
  try {
    new RTCPeerConnection({ iceServers: [server] }).close();
    return null;
  } catch (error) {
    return error.message;
  }
}
