// Believes the gateway's headers. Whoever reaches this service past the gateway can be anybody, so
// nobody may.
export function readHeaders(request) {
  const sub = claim(request, "x-itsme-subject");
  if (!sub) return null; // the path is public, or the request came past the gateway
  return { sub, name: claim(request, "x-itsme-name") };
}

// What does not fit into a header is percent-encoded UTF-8. An absent claim is an absent header.
// decodeURIComponent throws on what the gateway never sends; let it.
function claim(request, header) {
  const value = request.headers[header];
  return value === undefined ? undefined : decodeURIComponent(value);
}
