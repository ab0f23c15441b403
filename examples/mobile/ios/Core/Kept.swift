// Unverified: not compiled here. Swift 5.9, Foundation only.
import Foundation

/// What a login is asked for, beyond the gateway's own configuration.
struct Asked: Codable, Equatable {
    var acrValues: String?
    var maxAge: Int?
}

/// A login under way. Code and state are there once itsme came back, until a final answer. Key is the
/// thumbprint of the key that it began with. It names the key, which the system keeps.
struct Login: Codable, Equatable {
    let sessionID: String
    let verifier: String
    let link: URL
    let expiresAt: Date
    let interval: Int
    let asked: Asked
    var code: String?
    var state: String?
    var key: String?
}

/// The tokens of a login. Asked and at say what the login was asked for, and when it ended: no step-up
/// is offered twice. Key is the thumbprint of the key that the tokens are bound to. Without one they
/// are bearer tokens.
struct Tokens: Codable, Equatable {
    var access: String
    /// Nil when the gateway has no token { refresh }.
    var refresh: String?
    var asked = Asked()
    var at = Date.distantPast
    var key: String?
}

/// All that is stored. It is written as one value, so that no half of it can be lost.
struct Kept: Codable, Equatable {
    var login: Login?
    var tokens: Tokens?

    var isEmpty: Bool { login == nil && tokens == nil }
}
