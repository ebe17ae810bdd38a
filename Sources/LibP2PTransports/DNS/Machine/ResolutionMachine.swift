import LibP2PCore
import Multiformats

/// Resolves one address: which lookups it takes, and what becomes of their answers. multiformats/multiaddr protocols/DNS.md.
///
/// Names are hostile input: what they lead to is bounded in depth, in lookups and in addresses.
struct ResolutionMachine {
    /// How far one resolution goes.
    struct Limits: Sendable, Hashable {
        /// Addresses in the result; more are dropped.
        var addresses = 100
        /// Names that lead to names.
        var depth = 4
        /// Lookups altogether; further ones are left out.
        var lookups = 64
    }

    struct Lookup: Hashable {
        let id: Int
        let question: Question
    }

    enum Question: Hashable {
        case addresses(name: String, AddressFamily)
        case textRecords(name: String)
    }

    enum Answer {
        case addresses([IPAddress])
        case textRecords([String])
        case failed(NameLookupError)
    }

    enum OnProgress: Hashable {
        /// Make these lookups, perhaps none, and wait for those under way.
        case lookUp([Lookup])
        /// Done; later answers need not be told.
        case succeed([Multiaddr])
        /// Done without an address.
        case fail(ResolutionError)
    }

    private struct Pending {
        let address: Multiaddr
        let depth: Int
    }

    private let original: Multiaddr
    private let limits: Limits
    private var nextID = 0
    private var pending: [Int: Pending] = [:]
    private var results: [Multiaddr] = []
    private var seen: Set<Multiaddr> = []
    private var lastFailure: NameLookupError?

    init(_ address: Multiaddr, limits: Limits) {
        self.original = address
        self.limits = limits
    }

    mutating func start() -> OnProgress {
        let lookups = self.resolve([self.original], depth: 0)
        return self.progress(lookups)
    }

    /// Takes the answer to a lookup; an answer that was not asked for changes nothing.
    mutating func receive(_ answer: Answer, to id: Int) -> OnProgress {
        guard let pending = self.pending.removeValue(forKey: id) else {
            return .lookUp([])
        }
        let rest = Multiaddr(components: pending.address.components.dropFirst())
        let resolved: [Multiaddr]
        switch answer {
        case .addresses(let addresses):
            resolved = addresses.prefix(self.limits.addresses)
                .map { Multiaddr(components: [.ip($0)]).appending(rest) }
        case .textRecords(let records):
            resolved = Array(
                records.lazy
                    .compactMap { ResolutionMachine.address(inTextRecord: $0) }
                    .filter { ResolutionMachine.has($0, suffix: rest) }
                    .prefix(self.limits.addresses)
            )
        case .failed(let error):
            self.lastFailure = error
            resolved = []
        }
        // Not one expression: `progress` would see what was there before `resolve`.
        let lookups = self.resolve(resolved, depth: pending.depth + 1)
        return self.progress(lookups)
    }

    /// What is there when the time is over.
    func deadlineReached() -> Result<[Multiaddr], ResolutionError> {
        self.results.isEmpty ? .failure(.timedOut) : .success(self.results)
    }

    private func progress(_ lookups: [Lookup]) -> OnProgress {
        if self.results.count >= self.limits.addresses || (self.pending.isEmpty && !self.results.isEmpty) {
            return .succeed(self.results)
        }
        guard self.pending.isEmpty else {
            return .lookUp(lookups)
        }
        switch self.lastFailure {
        case .failed(let reason): return .fail(.lookupFailed(reason))
        case .overloaded: return .fail(.overloaded)
        case .notFound, nil: return .fail(.noAddresses(self.original))
        }
    }

    /// Keeps what needs no lookup, and makes the lookups for the others.
    private mutating func resolve(_ addresses: [Multiaddr], depth: Int) -> [Lookup] {
        var lookups: [Lookup] = []
        for address in addresses {
            guard let first = address.first, let question = ResolutionMachine.question(first) else {
                if self.results.count < self.limits.addresses, self.seen.insert(address).inserted {
                    self.results.append(address)
                }
                continue
            }
            // The set also ends circles of names early.
            guard depth < self.limits.depth, self.nextID < self.limits.lookups, self.seen.insert(address).inserted,
                ResolutionMachine.isHostName(first.text)
            else {
                continue
            }
            self.pending[self.nextID] = Pending(address: address, depth: depth)
            lookups.append(Lookup(id: self.nextID, question: question))
            self.nextID += 1
        }
        return lookups
    }
}

extension ResolutionMachine {
    private static func question(_ component: Multiaddr.Component) -> Question? {
        switch component.protocol {
        case .dns: .addresses(name: component.text, .any)
        case .dns4: .addresses(name: component.text, .ip4)
        case .dns6: .addresses(name: component.text, .ip6)
        case .dnsaddr: .textRecords(name: "_dnsaddr." + component.text)
        default: nil
        }
    }

    /// `dnsaddr=/…`; other records of the name belong to others.
    private static func address(inTextRecord record: String) -> Multiaddr? {
        let prefix = "dnsaddr="
        guard record.hasPrefix(prefix) else {
            return nil
        }
        // A record that does not parse, such as one of a protocol that is newer than we are, is not for us.
        return try? Multiaddr(String(record.dropFirst(prefix.count)))
    }

    private static func has(_ address: Multiaddr, suffix: Multiaddr) -> Bool {
        let components = address.components
        let suffixComponents = suffix.components
        return components.count >= suffixComponents.count
            && components.suffix(suffixComponents.count).elementsEqual(suffixComponents)
    }

    /// Whether a name may be shown to a resolver: printable ASCII in labels of 1…63, 253 altogether with the `_dnsaddr.` before it.
    private static func isHostName(_ name: String) -> Bool {
        let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let counted = labels.last?.isEmpty == true ? labels.dropLast() : labels[...]
        return name.utf8.count <= 244 && !counted.isEmpty
            && counted.allSatisfy { (1...63).contains($0.count) }
            && name.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\\") }
    }
}
