public import Multiformats
public import NIOCore

/// Turns names in addresses into IP addresses.
public protocol AddressResolver: Sendable {
    /// Resolves `/dns`, `/dns4`, `/dns6` and `/dnsaddr` where an address begins with one.
    ///
    /// An address that begins with none resolves to itself. The resolver bounds time and number of answers.
    ///
    /// - Parameter loop: the future completes on it.
    /// - Returns: at least one address, each dialable without names; fails with `ResolutionError`.
    func resolve(_ address: Multiaddr, on loop: any EventLoop) -> EventLoopFuture<[Multiaddr]>
}

/// Why a name has no addresses.
public enum ResolutionError: Error, Sendable, Hashable {
    /// The resolver has shut down.
    case closed
    /// The name servers could not be asked or refused; the text is the system's.
    case lookupFailed(String)
    /// The name has no usable addresses, or none for the peer that was asked for.
    case noAddresses(Multiaddr)
    /// Too many lookups are waiting.
    case overloaded
    /// It took too long.
    case timedOut
}
