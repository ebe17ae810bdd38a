package import LibP2PCore

/// Why an operation was refused or failed. `description` is what clients are shown: go-libp2p-daemon's wording where it has one.
package enum OperationError: Error, Sendable, Hashable {
    /// The distributed hash table is switched off.
    case dhtNotEnabled
    /// The operation may not be done by this client, or not with this argument.
    case forbidden(String)
    /// A handler cannot be registered or removed.
    case handler(RegistrationError)
    /// An argument cannot be parsed; the text says why.
    case invalid(String)
    /// Too many of something of ours; the text says of what.
    case limitExceeded(String)
    /// An argument that is needed is not there: `parameters`, `tag parameter`…
    case missing(String)
    /// The network refused or failed.
    case network(NetworkError)
    /// Publish-subscribe is switched off.
    case pubSubNotEnabled
    /// It took longer than the client allowed.
    case timedOut
    /// The request has a type or sub-type that does not exist.
    case unexpectedRequest
    /// A failure without a type of its own; the text is for people.
    case unknown(String)
}

extension OperationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .dhtNotEnabled: "DHT not enabled"
        case .forbidden(let reason): reason
        case .handler(let error): error.description
        case .invalid(let reason): reason
        case .limitExceeded(let reason): reason
        case .missing(let what): "Malformed request; missing \(what)"
        case .network(let error): error.description
        case .pubSubNotEnabled: "PubSub not enabled"
        case .timedOut: NetworkError.timedOut.description
        case .unexpectedRequest: "Unexpected request"
        case .unknown(let reason): reason
        }
    }
}

extension OperationError {
    /// Takes what a future failed with.
    package init(_ error: any Error) {
        switch error {
        case let error as OperationError: self = error
        case let error as NetworkError: self = .network(error)
        case let error as RegistrationError: self = .handler(error)
        default: self = .unknown(String(describing: error))
        }
    }
}
