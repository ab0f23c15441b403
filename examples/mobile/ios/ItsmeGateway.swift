// Unverified: not compiled here. Swift 5.9, iOS 16.
import Foundation

/// The gateway's HTTP API, one function a call. This file holds every path, header and field that
/// the app uses; ../transcript.txt shows them on the wire.
struct ItsmeGateway {
    /// public_url.
    let origin: URL
    /// app_redirect_url, letter for letter.
    let redirectURL: URL

    /// Keeps no cookies, and nothing on disk.
    let urlSession = URLSession(configuration: .ephemeral)

    struct Started: Decodable {
        let sessionID: String
        let link: URL
        let expiresIn: Int
        let interval: Int

        enum CodingKeys: String, CodingKey {
            case sessionID = "session_id"
            case link = "authorization_request_url"
            case expiresIn = "expires_in"
            case interval = "interval"
        }
    }

    struct Tokens: Codable {
        let access: String
        /// Nil when the gateway has no token { refresh }.
        let refresh: String?

        enum CodingKeys: String, CodingKey {
            case access = "access_token"
            case refresh = "refresh_token"
        }
    }

    /// Starts a login. The same challenge again within 30 s gives the same login.
    func start(challenge: String) async throws -> Started {
        let body = ["code_challenge": challenge, "code_challenge_method": "S256", "redirect_uri": redirectURL.absoluteString]
        return try await decode(send("POST", "/itsme/sessions", json: body))
    }

    /// Tells whether a login can still be finished.
    func isPending(_ sessionID: String) async throws -> Bool {
        let told: Told = try await decode(send("GET", "/itsme/sessions/\(sessionID)"))
        return told.status == "pending"
    }

    /// Gives a login up. The error is what itsme put on the redirect URL, if it did.
    func cancel(_ sessionID: String, verifier: String, error: String?) async throws {
        var body = ["code_verifier": verifier]
        body["error"] = error
        _ = try await send("POST", "/itsme/sessions/\(sessionID)/cancel", json: body)
    }

    /// Presents what came back. For 60 s the same call gets the same tokens.
    func redeem(code: String, state: String, verifier: String) async throws -> Tokens {
        try await decode(send("POST", "/itsme/token", form: [
            "grant_type": "authorization_code", "code": code, "state": state, "code_verifier": verifier,
        ]))
    }

    /// Exchanges a refresh token, which works once; for 30 s the same one gets the same successor.
    func refresh(_ token: String) async throws -> Tokens {
        try await decode(send("POST", "/itsme/token", form: ["grant_type": "refresh_token", "refresh_token": token]))
    }

    /// Ends a login, even when its access token has expired.
    func revoke(_ tokens: Tokens) async throws {
        _ = try await send("POST", "/itsme/revoke", form: ["token": tokens.refresh ?? tokens.access])
    }

    /// Calls the service behind the gateway.
    func profile(_ accessToken: String) async throws -> String {
        try await String(decoding: send("GET", "/api/profile", bearer: accessToken), as: UTF8.self)
    }

    private func send(
        _ method: String, _ path: String,
        json: [String: String]? = nil, form: KeyValuePairs<String, String>? = nil, bearer: String? = nil
    ) async throws -> Data {
        var request = URLRequest(url: URL(string: path, relativeTo: origin)!)
        request.httpMethod = method
        if let json {
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
            request.httpBody = try JSONEncoder().encode(json)
        }
        if let form {
            request.setValue("application/x-www-form-urlencoded", forHTTPHeaderField: "Content-Type")
            request.httpBody = Data(form: form)
        }
        if let bearer {
            request.setValue("Bearer \(bearer)", forHTTPHeaderField: "Authorization")
        }
        let answer: (Data, URLResponse)
        do {
            answer = try await urlSession.data(for: request)
        } catch is URLError {
            throw Refusal.again(after: 2) // nobody knows whether it arrived
        }
        let (data, response) = answer
        guard let http = response as? HTTPURLResponse, !(200..<300).contains(http.statusCode) else { return data }
        throw Refusal(http, data)
    }

    private func decode<T: Decodable>(_ data: Data) throws -> T { try JSONDecoder().decode(T.self, from: data) }
}

/// What an answer tells: a status, or an error.
private struct Told: Decodable {
    let status: String?
    let error: String?
    let interval: Int?

    enum CodingKeys: String, CodingKey {
        case status = "status"
        case error = "error"
        case interval = "interval"
    }
}

/// Why a call did not do what it was to do.
enum Refusal: Error {
    /// The same call may be made again, in so many seconds.
    case again(after: Int)
    /// The person refused, or the login was cancelled.
    case denied
    /// The person took too long.
    case expired
    /// The login or the token counts for nothing, or no more.
    case over
    case failed

    init(_ response: HTTPURLResponse, _ body: Data) {
        let told = try? JSONDecoder().decode(Told.self, from: body)
        switch told?.error {
        case "authorization_pending": self = .again(after: told?.interval ?? 2)
        case "access_denied": self = .denied
        case "expired_token": self = .expired
        case "invalid_grant": self = .over
        default:
            let wait = response.value(forHTTPHeaderField: "Retry-After").flatMap { Int($0) }
            switch response.statusCode {
            case 401: self = .over
            case 429, 503: self = .again(after: wait ?? 5)
            default: self = .failed
            }
        }
    }
}
