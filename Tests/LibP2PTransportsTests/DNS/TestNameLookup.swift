import LibP2PTransports
import Multiformats
import NIOCore
import Synchronization

/// Answers from a table, and remembers what it was asked.
final class TestNameLookup: NameLookup {
    private let hosts: [String: [String]]
    private let texts: [String: [String]]
    private let silent: Set<String>
    private let asked = Mutex<[String]>([])

    /// - Parameters:
    ///   - hosts: IP addresses by name.
    ///   - texts: TXT records by name.
    ///   - silent: names that are never answered.
    init(hosts: [String: [String]] = [:], texts: [String: [String]] = [:], silent: Set<String> = []) {
        self.hosts = hosts
        self.texts = texts
        self.silent = silent
    }

    var questions: [String] { self.asked.withLock { $0 } }

    func addresses(
        of name: String,
        family: AddressFamily,
        on loop: any EventLoop
    ) -> EventLoopFuture<[IPAddress]> {
        self.answer(name, on: loop) {
            self.hosts[name]?.compactMap { IPAddress($0) }.filter { address in
                switch (family, address) {
                case (.any, _), (.ip4, .v4), (.ip6, .v6): true
                case (.ip4, .v6), (.ip6, .v4): false
                }
            }
        }
    }

    func textRecords(of name: String, on loop: any EventLoop) -> EventLoopFuture<[String]> {
        self.answer(name, on: loop) { self.texts[name] }
    }

    private func answer<Answer: Sendable>(
        _ name: String,
        on loop: any EventLoop,
        _ find: () -> Answer?
    ) -> EventLoopFuture<Answer> {
        self.asked.withLock { $0.append(name) }
        guard !self.silent.contains(name) else {
            return loop.makePromise(of: Answer.self).futureResult
        }
        guard let answer = find() else {
            return loop.makeFailedFuture(NameLookupError.notFound)
        }
        return loop.makeSucceededFuture(answer)
    }
}
