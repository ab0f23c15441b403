// Unverified: not compiled here. Swift 5.9, Foundation only.
import Foundation

/// A P-256 key that the Secure Enclave keeps and does not export. The raw forms are those of CryptoKit.
@MainActor
protocol SigningKey {
    /// The public key: x and y, 64 bytes.
    var publicKey: Data { get }
    /// Returns the ES256 signature: R and S, 64 bytes. It throws when the key cannot be used now.
    func sign(_ data: Data) throws -> Data
}

/// Makes proofs that the app has its key (DPoP, RFC 9449), and keeps the gateway's newest nonce for them.
@MainActor
final class Proofs {
    /// RFC 7638: the name by which the gateway knows the key.
    let thumbprint: String

    private let key: SigningKey
    private let device: Device
    private let header: Header
    private var nonce: String?

    init(key: SigningKey, device: Device) {
        let x = key.publicKey.prefix(32).base64URL
        let y = key.publicKey.suffix(32).base64URL
        self.key = key
        self.device = device
        header = Header(jwk: JWK(x: x, y: y))
        thumbprint = device.sha256(Data("{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"\(x)\",\"y\":\"\(y)\"}".utf8)).base64URL
    }

    /// Returns a proof for one request. It passes once: a repeated request needs another.
    func make(_ method: String, _ url: URL, access: String?) throws -> String {
        let payload = Payload(
            jti: device.random(16).base64URL, htm: method,
            htu: String(url.absoluteString.prefix { $0 != "?" && $0 != "#" }),
            iat: Int(Date().timeIntervalSince1970), // a wrong clock is corrected by a nonce
            ath: access.map { device.sha256(Data($0.utf8)).base64URL }, nonce: nonce
        )
        do {
            let encoder = JSONEncoder()
            let signed = try encoder.encode(header).base64URL + "." + encoder.encode(payload).base64URL
            return try signed + "." + key.sign(Data(signed.utf8)).base64URL
        } catch {
            throw Again(seconds: 2, reason: .storage) // a locked phone has not lost its key
        }
    }

    /// Keeps the nonce of an answer. It returns whether there was one.
    func keep(_ fresh: String?) -> Bool {
        guard let fresh, (1...256).contains(fresh.utf8.count) else { return false }
        // NQCHAR of RFC 9449 section 8: no blank, no quotation mark, no backslash.
        guard fresh.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }) else { return false }
        nonce = fresh
        return true
    }
}

private struct JWK: Encodable {
    var kty = "EC"
    var crv = "P-256"
    let x: String
    let y: String
}

private struct Header: Encodable {
    var typ = "dpop+jwt"
    var alg = "ES256"
    let jwk: JWK
}

private struct Payload: Encodable {
    let jti: String
    let htm: String
    let htu: String
    let iat: Int
    let ath: String?
    let nonce: String?
}
