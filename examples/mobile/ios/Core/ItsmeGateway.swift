// Unverified: not compiled here. Swift 5.9, Foundation only.
import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The gateway's HTTP API, one function for each call. This file holds every path, header and field that
/// the app uses; ../../transcript.txt shows them on the wire.
struct ItsmeGateway: Sendable {
    /// public_url.
    let origin: URL
    /// app_redirect_url, letter for letter.
    let redirectURL: URL

    /// Keeps no cookies, and writes nothing to disk. It waits longer than the gateway waits for Signicat.
    private let urlSession: URLSession = {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = 20
        configuration.timeoutIntervalForResource = 20
        configuration.httpShouldSetCookies = false
        return URLSession(configuration: configuration, delegate: NoRedirect(), delegateQueue: nil)
    }()

    init(origin: URL, redirectURL: URL) {
        self.origin = origin
        self.redirectURL = redirectURL
    }

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

    /// Starts a login. The same challenge again within 30 s gives the same login. It is bound to the key of
    /// that thumbprint.
    func start(challenge: String, language: String?, asked: Asked, key: String?) async throws -> Started {
        try await decode(post("/itsme/sessions", json: StartBody(
            codeChallenge: challenge, redirectURI: redirectURL.absoluteString, language: language,
            acrValues: asked.acrValues, maxAge: asked.maxAge, key: key
        )))
    }

    /// Returns the status of a login, or the code of the problem. Nil without an answer of the gateway.
    func status(_ sessionID: String) async -> String? {
        guard let answer = try? await send("GET", "/itsme/sessions/\(sessionID)") else { return nil }
        let read = Read(answer.body)
        return read.status ?? (answer.status == 404 ? read.code : nil)
    }

    /// Cancels a login. The error is what itsme put on the redirect URL, if it did.
    func cancel(_ login: Login, error: String?) async throws {
        _ = try await post("/itsme/sessions/\(login.sessionID)/cancel", json: CancelBody(codeVerifier: login.verifier, error: error))
    }

    /// Presents what came back. For five minutes the same call gets the same tokens.
    func redeem(_ login: Login, _ proofs: Proofs?) async throws -> Tokens {
        try await tokens([
            "grant_type": "authorization_code", "code": login.code ?? "", "state": login.state ?? "",
            "code_verifier": login.verifier,
        ], proofs)
    }

    /// Exchanges a refresh token. One of a login with a key stays the same. Any other works once; until its
    /// successor is used the same one gets the same successor.
    func refresh(_ token: String, _ proofs: Proofs?) async throws -> Tokens {
        try await tokens(["grant_type": "refresh_token", "refresh_token": token], proofs)
    }

    /// Ends a login, even when its access token has expired.
    func revoke(_ tokens: Tokens) async throws {
        _ = try await post("/itsme/revoke", form: ["token": tokens.refresh ?? tokens.access])
    }

    /// Calls the service behind the gateway. It throws URLError when no answer arrives.
    func call(_ method: String, _ path: String, access: String, body: Data?, proofs: Proofs?) async throws -> Answer {
        let credential = proofs == nil ? "Bearer \(access)" : "DPoP \(access)"
        return try await send(method, path, headers: ["Authorization": credential], body: body, proofs: proofs, access: access)
    }

    private func tokens(_ form: KeyValuePairs<String, String>, _ proofs: Proofs?) async throws -> Tokens {
        let answer: TokenAnswer = try await decode(post("/itsme/token", form: form, proofs))
        let bound = answer.type?.caseInsensitiveCompare("DPoP") == .orderedSame
        return Tokens(access: answer.access, refresh: answer.refresh, key: bound ? proofs?.thumbprint : nil)
    }

    private func post(_ path: String, json: some Encodable) async throws -> Data {
        try await post(path, type: "application/json", body: JSONEncoder().encode(json))
    }

    private func post(_ path: String, form: KeyValuePairs<String, String>, _ proofs: Proofs? = nil) async throws -> Data {
        try await post(path, type: "application/x-www-form-urlencoded", body: Data(form: form), proofs)
    }

    private func post(_ path: String, type: String, body: Data, _ proofs: Proofs? = nil) async throws -> Data {
        let answer: Answer
        do {
            answer = try await send("POST", path, headers: ["Content-Type": type], body: body, proofs: proofs)
        } catch let again as Again {
            throw again // the key could not be used
        } catch {
            throw Again(seconds: 2) // it may have arrived or not: the same again is safe
        }
        guard (200..<300).contains(answer.status) else { throw answer.refusal }
        return answer.body
    }

    /// Sends a request. When the gateway refuses the proof alone, it sends the request once more with a new one.
    private func send(
        _ method: String, _ path: String, headers: [String: String] = [:], body: Data? = nil,
        proofs: Proofs? = nil, access: String? = nil
    ) async throws -> Answer {
        guard let url = URL(string: path, relativeTo: origin)?.absoluteURL else { throw URLError(.badURL) }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.allHTTPHeaderFields = headers
        request.httpBody = body
        guard let proofs else { return try await exchange(request) }
        var repeated = false
        while true {
            let proof = try await proofs.make(method, url, access: access)
            request.setValue(proof, forHTTPHeaderField: "DPoP")
            let answer = try await exchange(request)
            let fresh = await proofs.keep(answer.http.value(forHTTPHeaderField: "DPoP-Nonce"))
            if repeated || !answer.refusesProof(fresh) { return answer }
            repeated = true
        }
    }

    private func exchange(_ request: URLRequest) async throws -> Answer {
        let (data, response) = try await urlSession.data(for: request)
        guard let http = response as? HTTPURLResponse else { throw URLError(.badServerResponse) }
        return Answer(http: http, body: data)
    }

    /// Another body comes from another server, such as a Wi-Fi portal.
    private func decode<T: Decodable>(_ data: Data) throws -> T {
        guard let answer = try? JSONDecoder().decode(T.self, from: data) else { throw Again(seconds: 2) }
        return answer
    }
}

private struct StartBody: Encodable {
    let codeChallenge: String
    var method = "S256"
    let redirectURI: String
    let language: String?
    let acrValues: String?
    let maxAge: Int?
    let key: String?

    enum CodingKeys: String, CodingKey {
        case codeChallenge = "code_challenge"
        case method = "code_challenge_method"
        case redirectURI = "redirect_uri"
        case language = "language"
        case acrValues = "acr_values"
        case maxAge = "max_age"
        case key = "dpop_jkt"
    }
}

private struct CancelBody: Encodable {
    let codeVerifier: String
    let error: String?

    enum CodingKeys: String, CodingKey {
        case codeVerifier = "code_verifier"
        case error = "error"
    }
}

private struct TokenAnswer: Decodable {
    let access: String
    let refresh: String?
    let type: String?

    enum CodingKeys: String, CodingKey {
        case access = "access_token"
        case refresh = "refresh_token"
        case type = "token_type"
    }
}

/// An answer, whatever its status.
struct Answer: Sendable {
    let http: HTTPURLResponse
    let body: Data

    var status: Int { http.statusCode }

    /// The gateway's name for a problem, nil when the body has none.
    var code: String? { Read(body).code }

    /// RFC 9470's challenge.
    var challenge: String { http.value(forHTTPHeaderField: "WWW-Authenticate") ?? "" }

    /// Returns whether a new proof may help: with the nonce that came, or after HTTP sent a proof twice.
    func refusesProof(_ fresh: Bool) -> Bool {
        guard status == 400 || status == 401 else { return false }
        let read = Read(body)
        let code = read.error ?? read.code
        return code == "invalid_dpop_proof" || (code == "use_dpop_nonce" && fresh)
    }

    /// The error of the gateway. What another server answers is no final answer.
    var refusal: Error {
        let read = Read(body)
        let again = Again(seconds: http.value(forHTTPHeaderField: "Retry-After").flatMap { Int($0) } ?? 5)
        if !(400..<500).contains(status) || [408, 425, 429].contains(status) { return again }
        switch read.error ?? read.code {
        case "authorization_pending": return Again(seconds: read.interval ?? 2)
        case "access_denied": return Refusal(.refused)
        case "expired_token": return Refusal(.expired)
        case "invalid_grant", "session_unknown": return Refusal(.over)
        case "invalid_request", "invalid_client", "invalid_dpop_proof", "unsupported_grant_type": return Refusal(.failed)
        default: return again
        }
    }
}

/// The members of an answer: a status, an error or a problem. Nil for any other body.
private struct Read: Decodable {
    var status: String?
    var error: String?
    var code: String?
    var interval: Int?

    init(_ body: Data) {
        guard let read = try? JSONDecoder().decode(Read.self, from: body) else { return }
        self = read
    }

    init(from decoder: Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        status = try? members.decode(String.self, forKey: .status)
        error = try? members.decode(String.self, forKey: .error)
        code = try? members.decode(String.self, forKey: .code)
        interval = try? members.decode(Int.self, forKey: .interval)
    }

    enum CodingKeys: String, CodingKey {
        case status = "status" // a problem has a number there, which decodes to nil
        case error = "error"
        case code = "code"
        case interval = "interval"
    }
}

/// Follows no redirect: the answer is the redirect itself, and no secret goes elsewhere.
private final class NoRedirect: NSObject, URLSessionTaskDelegate, Sendable {
    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }
}
