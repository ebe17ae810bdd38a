public import LibP2PCore
public import Multiformats
public import NIOCore

/// Resolves the names in addresses through a `NameLookup`, by default the system's.
///
/// What a name leads to is chosen by whoever owns it: addresses that came from the network have to pass the same gates after as before.
public struct DNSResolver: AddressResolver {
    private let lookup: any NameLookup
    private let timeout: TimeAmount
    private let limits: ResolutionMachine.Limits

    /// - Parameter timeout: for everything one address takes; what was found until then is the result.
    public init(lookup: any NameLookup = SystemNameLookup(), timeout: TimeAmount = .seconds(10)) {
        self.lookup = lookup
        self.timeout = timeout
        self.limits = ResolutionMachine.Limits()
    }

    public func resolve(_ address: Multiaddr, on loop: any EventLoop) -> EventLoopFuture<[Multiaddr]> {
        guard address.domainName != nil else {
            return loop.makeSucceededFuture([address])
        }
        return loop.flatSubmit {
            Resolution(address, lookup: self.lookup, limits: self.limits, on: loop).run(timeout: self.timeout)
        }
    }
}

/// One address on its way. Kept alive by the lookups and the timer it waits for.
private final class Resolution: @unchecked Sendable {
    // Unchecked: used on `loop` only; lookups complete on it.

    private let lookup: any NameLookup
    private let loop: any EventLoop
    private let promise: EventLoopPromise<[Multiaddr]>
    private var machine: ResolutionMachine
    private var timer: Scheduled<Void>?
    private var isDone = false

    init(_ address: Multiaddr, lookup: any NameLookup, limits: ResolutionMachine.Limits, on loop: any EventLoop) {
        self.lookup = lookup
        self.loop = loop
        self.promise = loop.makePromise()
        self.machine = ResolutionMachine(address, limits: limits)
    }

    func run(timeout: TimeAmount) -> EventLoopFuture<[Multiaddr]> {
        self.timer = self.loop.scheduleTask(in: timeout) { self.finish(self.machine.deadlineReached()) }
        self.follow(self.machine.start())
        return self.promise.futureResult
    }

    private func follow(_ progress: ResolutionMachine.OnProgress) {
        switch progress {
        case .lookUp(let lookups):
            for lookup in lookups {
                self.begin(lookup)
            }
        case .succeed(let addresses):
            self.finish(.success(addresses))
        case .fail(let error):
            self.finish(.failure(error))
        }
    }

    private func begin(_ lookup: ResolutionMachine.Lookup) {
        let answer: EventLoopFuture<ResolutionMachine.Answer> =
            switch lookup.question {
            case .addresses(let name, let family):
                self.lookup.addresses(of: name, family: family, on: self.loop).map { .addresses($0) }
            case .textRecords(let name):
                self.lookup.textRecords(of: name, on: self.loop).map { .textRecords($0) }
            }
        answer
            .flatMapErrorThrowing { error in
                .failed(error as? NameLookupError ?? .failed(String(describing: error)))
            }
            .whenSuccess { answer in
                guard !self.isDone else { return }
                self.follow(self.machine.receive(answer, to: lookup.id))
            }
    }

    private func finish(_ result: Result<[Multiaddr], ResolutionError>) {
        guard !self.isDone else { return }
        self.isDone = true
        self.timer?.cancel()
        self.promise.completeWith(result.mapError { $0 })
    }
}
