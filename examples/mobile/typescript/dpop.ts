// Proofs that the app has its key: DPoP, RFC 9449. It imports nothing. The key stays with the system.

/** A P-256 key that the system keeps and does not export. */
export interface Key {
  /** The coordinates of the public key, each 32 bytes in base64url, as in a JWK. */
  x: string;
  y: string;
  /** Returns the ES256 signature of a text in ASCII: R and S, 64 bytes together (RFC 7518 section 3.4). */
  sign(text: string): Promise<Uint8Array>;
}

/** What a proof needs of the phone beside the key. Device has it. */
export interface Source {
  random(count: number): Uint8Array | Promise<Uint8Array>;
  sha256(text: string): Promise<Uint8Array>;
  now(): number;
}

/** Makes the proofs of one key, and keeps the gateway's newest nonce for them. */
export class Proofs {
  private nonce?: string;

  private constructor(private readonly key: Key, private readonly source: Source, readonly thumbprint: string) {}

  static async of(key: Key, source: Source): Promise<Proofs> {
    return new Proofs(key, source, await thumbprint(key, source));
  }

  /** Returns a proof for one request. It passes once: a repeated request needs another. */
  async make(method: string, url: string, access?: string): Promise<string> {
    const { x, y } = this.key;
    const signed = [
      { typ: "dpop+jwt", alg: "ES256", jwk: { kty: "EC", crv: "P-256", x, y } },
      {
        jti: base64url(await this.source.random(16)),
        htm: method,
        htu: plain(url),
        iat: Math.floor(this.source.now() / 1000), // a wrong clock is corrected by a nonce
        ath: access && base64url(await this.source.sha256(access)),
        nonce: this.nonce,
      },
    ].map((part) => base64url(ascii(JSON.stringify(part)))).join(".");
    const signature = await this.key.sign(signed);
    if (signature.length !== 64) throw new Error("an ES256 signature has 64 bytes: R and S, and not ASN.1");
    return `${signed}.${base64url(signature)}`;
  }

  /** Keeps the nonce of an answer. It reports whether there was one. */
  keep(nonce: string | null | undefined): boolean {
    if (!nonce || !/^[!#-[\]-~]{1,256}$/.test(nonce)) return false; // NQCHAR of RFC 9449 section 8
    this.nonce = nonce;
    return true;
  }
}

/** Returns the RFC 7638 thumbprint of a key, by which the gateway knows it. */
export async function thumbprint({ x, y }: { x: string; y: string }, source: Pick<Source, "sha256">): Promise<string> {
  return base64url(await source.sha256(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`));
}

/** Returns a URL as htu has it: in ASCII, and without the query. */
function plain(url: string): string {
  return (/^[^?#]*/.exec(url)?.[0] ?? "").replace(/[^!-~]+/gu, encodeURIComponent);
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** base64url without padding (RFC 4648 section 5). React Native has no function for it. */
export function base64url(bytes: Uint8Array): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  let out = "";
  let bits = 0;
  let count = 0;
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    for (count += 8; count >= 6; count -= 6) out += alphabet[(bits >> (count - 6)) & 63];
    bits &= 63;
  }
  return count ? out + alphabet[(bits << (6 - count)) & 63] : out;
}
