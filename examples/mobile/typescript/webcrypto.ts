// A key of WebCrypto for DPoP: in a web view, and in Node. React Native has no WebCrypto.
import { base64url, type Key } from "./dpop";

/** What crypto.subtle.generateKey returns for an asymmetric key. IndexedDB can hold it. */
export type Pair = Extract<Awaited<ReturnType<typeof crypto.subtle.generateKey>>, { privateKey: unknown }>;

const algorithm = { name: "ECDSA", namedCurve: "P-256" };

/** Makes a key. No script can read its private part, and neither can this app. */
export async function makePair(): Promise<Pair> {
  return crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]) as Promise<Pair>;
}

export async function keyOf({ publicKey, privateKey }: Pair): Promise<Key> {
  if (privateKey.extractable) throw new Error("the private key can be exported");
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", publicKey)); // 4, x, y
  return {
    x: base64url(point.slice(1, 33)),
    y: base64url(point.slice(33)),
    async sign(text) {
      const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
      return new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, bytes));
    },
  };
}
