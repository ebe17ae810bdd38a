public import Multiformats
public import NIOCore

/// Asks name servers. The future completes on `loop` and fails with `NameLookupError`; who asks bounds the time.
public protocol NameLookup: Sendable {
    /// The addresses of a host name, in the order to try them.
    func addresses(
        of name: String,
        family: AddressFamily,
        on loop: any EventLoop
    ) -> EventLoopFuture<[IPAddress]>

    /// The TXT records of a name, the strings of each joined.
    func textRecords(of name: String, on loop: any EventLoop) -> EventLoopFuture<[String]>
}

/// Which addresses are asked for.
public enum AddressFamily: Sendable, Hashable {
    case any
    case ip4
    case ip6
}

/// Why there is no answer.
public enum NameLookupError: Error, Sendable, Hashable {
    /// The servers could not be asked, or their answer is malformed; the text is the system's.
    case failed(String)
    /// There is no such name or no such record.
    case notFound
    /// Too many lookups are waiting.
    case overloaded
}
