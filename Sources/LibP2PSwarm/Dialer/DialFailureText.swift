import LibP2PCore

/// The reason of a failed attempt as control clients read it; go-libp2p's wording where it has one.
enum DialFailureText {
    static func reason(for error: any Error) -> String {
        switch error {
        case let error as TransportError: Self.reason(for: error)
        case let error as SecurityError: "failed to negotiate security protocol: " + Self.reason(for: error)
        case let error as ResolutionError: Self.reason(for: error)
        case let error as ResourceError: "resource limit exceeded: \(error)"
        case let error as NetworkError: error.description
        default: "\(error)"
        }
    }

    private static func reason(for error: TransportError) -> String {
        switch error {
        case .addressNotSupported: "no transport for protocol"
        case .bindFailed(_, let text), .connectFailed(_, let text): text
        case .limitExceeded(let limit): "resource limit exceeded: \(limit)"
        case .negotiationFailed(let text): text
        case .timedOut: "context deadline exceeded"
        }
    }

    private static func reason(for error: SecurityError) -> String {
        switch error {
        case .channelClosed: "EOF"
        case .handshakeFailed(let text): text
        case .peerIDMismatch(let expected, let actual):
            "peer id mismatch: expected \(expected), but remote key matches \(actual)"
        case .selfDial: "dial to self attempted"
        }
    }

    private static func reason(for error: ResolutionError) -> String {
        switch error {
        case .closed: "resolver is closed"
        case .lookupFailed(let text): text
        case .noAddresses: "no addresses for this name"
        case .overloaded: "too many lookups"
        case .timedOut: "lookup timed out"
        }
    }
}
