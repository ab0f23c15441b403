// Trusts the gateway's headers. A client that reaches this service without the gateway can claim any
// identity: the network must allow connections from the gateway only.
export function readHeaders(request) {
  const sub = claim(request, "x-itsme-subject");
  if (!sub) return null; // the path is public, or the request did not come through the gateway
  return { sub, name: claim(request, "x-itsme-name") };
}

// Characters beyond ASCII are percent-encoded UTF-8. The header of an absent claim is absent.
// decodeURIComponent throws on a value that the gateway never sends; the request then fails.
function claim(request, header) {
  const value = request.headers[header];
  return value === undefined ? undefined : decodeURIComponent(value);
}
