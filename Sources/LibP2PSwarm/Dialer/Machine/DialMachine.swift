import LibP2PCore
import Multiformats
import NIOCore

/// What is known of one address before it is dialled.
enum DialCandidate: Sendable, Hashable {
    /// A recent dial of it failed.
    case backedOff(Multiaddr)
    /// To be dialled; the timeout is the one of the attempt.
    case dialable(Multiaddr, timeout: TimeAmount)
    /// To be resolved first.
    case name(Multiaddr)
    /// May not or cannot be dialled; the text says why.
    case refused(Multiaddr, reason: String)
}

/// Dials one peer: many addresses, staggered, the first that connects wins. Pure; a driver carries out what `poll` says.
struct DialMachine: Sendable {
    /// What the driver must do.
    enum Action: Sendable, Hashable {
        /// Dial the address. Report `attemptStarted` when the attempt got its place among all dials, and its end by
        /// `receiveFailure` or `receiveConnected`.
        case dial(Multiaddr, timeout: TimeAmount)
        /// Tell all who wait; nothing comes from the machine after that.
        case fail(NetworkError)
        /// Resolve the name and report `receiveResolved`, or `receiveFailure`.
        case resolve(Multiaddr)
    }

    /// What the driver must do with a connection that an attempt yielded.
    enum OnConnected: Sendable, Hashable {
        /// Put it into the tables, then `finish`; where that fails, `receiveFailure`.
        case adopt
        /// Close it: another one won.
        case close
    }

    private enum Phase {
        /// Attempts run or wait.
        case dialing
        /// One attempt has connected and is being put into the tables; no new attempts.
        case adopting
        /// The peer connected to us meanwhile. One of the attempts that run may still yield a connection that counts.
        case superseded
        /// Nothing is wanted any more.
        case finished
    }

    private struct Waiting {
        let address: Multiaddr
        let timeout: TimeAmount
        var release: NIODeadline
    }

    private struct Attempt {
        let timeout: TimeAmount
        /// Nil until the attempt has its place among all dials.
        var deadline: NIODeadline?
    }

    static let maximumAddresses = 64

    let peer: PeerID
    private let startedAt: NIODeadline
    private let concurrentAttempts: Int
    private let resolutionTimeout: TimeAmount
    private var phase = Phase.dialing
    private var known: Set<Multiaddr> = []
    private var backedOff: Set<Multiaddr> = []
    private var waiting: [Waiting] = []
    private var unresolved: [Multiaddr] = []
    private var resolving: [Multiaddr: NIODeadline] = [:]
    private var attempts: [Multiaddr: Attempt] = [:]
    private var failures: [DialFailure] = []
    private var hasDialled = false

    init(peer: PeerID, concurrentAttempts: Int, resolutionTimeout: TimeAmount, now: NIODeadline) {
        self.peer = peer
        self.concurrentAttempts = concurrentAttempts
        self.resolutionTimeout = resolutionTimeout
        self.startedAt = now
    }

    /// Whether more addresses can still join.
    var isDialing: Bool {
        switch self.phase {
        case .dialing, .adopting: true
        case .superseded, .finished: false
        }
    }

    /// Adds addresses; those that are known already are skipped, those beyond `maximumAddresses` too.
    mutating func add(_ candidates: [DialCandidate]) {
        for candidate in candidates where self.known.count < Self.maximumAddresses {
            switch candidate {
            case .backedOff(let address):
                guard self.known.insert(address).inserted else { continue }
                self.hasDialled = true
                self.backedOff.insert(address)
                self.failures.append(DialFailure(address: address, reason: "dial backoff"))
            case .dialable(let address, let timeout):
                if self.backedOff.remove(address) != nil {
                    // Somebody who joined insists on it.
                    self.failures.removeAll { $0.address == address }
                } else {
                    guard self.known.insert(address).inserted else { continue }
                }
                self.waiting.append(Waiting(address: address, timeout: timeout, release: self.startedAt))
            case .name(let address):
                guard self.known.insert(address).inserted else { continue }
                self.unresolved.append(address)
            case .refused(let address, let reason):
                guard self.known.insert(address).inserted else { continue }
                self.failures.append(DialFailure(address: address, reason: reason))
            }
        }
        self.rank()
    }

    mutating func receiveResolved(_ name: Multiaddr, _ candidates: [DialCandidate]) {
        guard self.resolving.removeValue(forKey: name) != nil else { return }
        self.add(candidates)
    }

    /// The attempt has its place among all dials: its time runs from now.
    ///
    /// - Returns: false when it is not wanted any more.
    mutating func attemptStarted(_ address: Multiaddr, now: NIODeadline) -> Bool {
        guard case .dialing = self.phase, let attempt = self.attempts[address] else { return false }
        // One second more than the transport is given: who keeps its word is never cut off here.
        self.attempts[address]?.deadline = now + attempt.timeout + .seconds(1)
        return true
    }

    /// An attempt, a resolution or an adoption failed.
    mutating func receiveFailure(_ address: Multiaddr, reason: String) {
        let wasResolving = self.resolving.removeValue(forKey: address) != nil
        let wasAttempt = self.attempts.removeValue(forKey: address) != nil
        guard wasResolving || wasAttempt else { return }
        if case .adopting = self.phase { self.phase = .dialing }
        self.failures.append(DialFailure(address: address, reason: reason))
    }

    mutating func receiveConnected(_ address: Multiaddr) -> OnConnected {
        switch self.phase {
        case .dialing:
            // An attempt that ran out of time is not waited for, but what it yields while others run is welcome.
            self.attempts[address] = self.attempts[address] ?? Attempt(timeout: .zero)
            self.phase = .adopting
            return .adopt
        case .superseded:
            self.phase = .finished
            return .adopt
        case .adopting, .finished:
            self.attempts[address] = nil
            return .close
        }
    }

    /// The peer has connected to us: who waited is served.
    mutating func supersede() {
        self.phase = .superseded
        self.dropWaiting()
    }

    /// Somebody won, or nobody waits any more.
    mutating func finish() {
        self.phase = .finished
        self.dropWaiting()
    }

    /// When `poll` is to be called again at the latest.
    var nextDeadline: NIODeadline? {
        guard case .dialing = self.phase else { return nil }
        var deadlines = self.attempts.values.compactMap(\.deadline) + self.resolving.values
        if self.attempts.count < self.concurrentAttempts, let first = self.waiting.first {
            deadlines.append(first.release)
        }
        return deadlines.min()
    }

    /// What is to be done now. To be called after every event and at `nextDeadline`.
    mutating func poll(now: NIODeadline) -> [Action] {
        guard case .dialing = self.phase else { return [] }
        self.expire(now: now)

        var actions: [Action] = []
        for name in self.unresolved {
            self.resolving[name] = now + self.resolutionTimeout
            actions.append(.resolve(name))
        }
        self.unresolved.removeAll()

        // With nothing under way there is nothing to be ahead of: the next ones go at once.
        if self.attempts.isEmpty, let first = self.waiting.first?.release, first > now {
            for index in self.waiting.indices where self.waiting[index].release == first {
                self.waiting[index].release = now
            }
        }
        while self.attempts.count < self.concurrentAttempts, let first = self.waiting.first, first.release <= now {
            self.waiting.removeFirst()
            self.attempts[first.address] = Attempt(timeout: first.timeout)
            self.hasDialled = true
            actions.append(.dial(first.address, timeout: first.timeout))
        }
        if self.attempts.isEmpty, self.waiting.isEmpty, self.resolving.isEmpty {
            self.phase = .finished
            actions.append(.fail(self.error))
        }
        return actions
    }

    private mutating func expire(now: NIODeadline) {
        let late = self.attempts.filter { $0.value.deadline.map { $0 <= now } ?? false }.map(\.key)
        let unanswered = self.resolving.filter { $0.value <= now }.map(\.key)
        for address in (late + unanswered).sorted() {
            self.attempts[address] = nil
            self.resolving[address] = nil
            self.failures.append(DialFailure(address: address, reason: "context deadline exceeded"))
        }
    }

    private mutating func rank() {
        let timeouts = Dictionary(
            self.waiting.map { ($0.address, $0.timeout) },
            uniquingKeysWith: { first, _ in first }
        )
        self.waiting = DialRanker.rank(self.waiting.map(\.address)).compactMap { ranked in
            timeouts[ranked.address].map {
                Waiting(address: ranked.address, timeout: $0, release: self.startedAt + ranked.delay)
            }
        }
    }

    private mutating func dropWaiting() {
        self.waiting.removeAll()
        self.unresolved.removeAll()
        self.resolving.removeAll()
    }

    private var error: NetworkError {
        if self.failures.isEmpty { return .noAddresses(self.peer) }
        return self.hasDialled ? .allDialsFailed(self.peer, self.failures) : .noGoodAddresses(self.peer, self.failures)
    }
}
