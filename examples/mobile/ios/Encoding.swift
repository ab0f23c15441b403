// Unverified: not compiled here. Swift 5.9, iOS 16.
import CryptoKit
import Foundation

/// RFC 7636: the secret that proves who started a login, and the hash of it that is sent first.
enum PKCE {
    static func verifier() -> String {
        SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }.base64URL
    }

    /// base64url(SHA-256(text)): the challenge of a verifier, and the session_id of a state.
    static func hash(_ text: String) -> String {
        Data(SHA256.hash(data: Data(text.utf8))).base64URL
    }
}

extension Data {
    var base64URL: String {
        base64EncodedString()
            .replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }

    /// A form. URLComponents would leave a plus sign as it is, which servers read as a blank.
    init(form: KeyValuePairs<String, String>) {
        let unreserved = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        let fields = form.map { name, value in
            name + "=" + (value.addingPercentEncoding(withAllowedCharacters: unreserved) ?? "")
        }
        self.init(fields.joined(separator: "&").utf8)
    }
}
