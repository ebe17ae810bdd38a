package import LibP2PCore
package import Multiformats

/// Whose a handler is.
package struct HandlerOwner: Sendable, Hashable {
    /// The uid the kernel vouches for; nil for clients over TCP, who are all one owner.
    package let uid: UInt32?

    package init(uid: UInt32?) {
        self.uid = uid
    }

    /// Root may do with handlers what it likes; everybody else with their own.
    package func mayChange(handlersOf other: HandlerOwner) -> Bool {
        self.uid == 0 || self == other
    }
}

/// What happens when a protocol has a handler already.
package enum RegistrationPolicy: Sendable, Hashable {
    /// The request fails.
    case exclusive
    /// The new handler takes the place of all earlier ones.
    case replace
    /// The new handler is added; streams go to them in turn.
    case takeTurns
}

/// Which handler of which client serves which protocol, and whose turn it is. A pure table.
package struct RegistrationTable: Sendable {
    /// Unique for the life of the table, so that what failed is dropped and not what has replaced it.
    package struct RegistrationID: Hashable, Sendable {
        let rawValue: UInt64
    }

    package enum Target: Sendable, Hashable {
        /// Streams are joined with connections to this endpoint.
        case endpoint(HandlerAddress, owner: HandlerOwner)
        /// Unary calls are answered on this persistent connection.
        case persistentConnection(PersistentConnectionID)
    }

    package struct Registration: Sendable, Hashable {
        package let id: RegistrationID
        package let target: Target
    }

    /// What the handlers of a protocol are; the two kinds do not mix.
    package enum Kind: Sendable, Hashable {
        case streams
        case unary
    }

    private struct Entry {
        let kind: Kind
        let owner: HandlerOwner
        var registrations: [Registration]
        /// Whose turn it is, as an index; may be one past the end after a removal.
        var turn = 0
    }

    private var entries: [ProtocolID: Entry] = [:]
    private var nextID: UInt64 = 0
    private let limits: RegistrationLimits

    package init(limits: RegistrationLimits) {
        self.limits = limits
    }

    package func kind(of protocolID: ProtocolID) -> Kind? {
        self.entries[protocolID]?.kind
    }

    /// Protocols with a handler, sorted.
    package var protocols: [ProtocolID] {
        self.entries.keys.sorted()
    }

    /// Registers one target for all the protocols, or for none when one of them is refused.
    package mutating func add(
        _ target: Target,
        for protocols: [ProtocolID],
        policy: RegistrationPolicy,
        owner: HandlerOwner
    ) throws(RegistrationError) {
        var seen: Set<ProtocolID> = []
        var added = 0
        for protocolID in protocols {
            let isRepeated = !seen.insert(protocolID).inserted
            if isRepeated && policy == .exclusive {
                throw .alreadySet(protocolID)
            }
            guard let entry = self.entries[protocolID] else {
                added += isRepeated ? 0 : 1
                continue
            }
            try self.check(entry, of: protocolID, kind: target.kind, policy: policy, owner: owner)
        }
        guard self.entries.count + added <= self.limits.maximumProtocols else {
            throw .tooManyProtocols(self.limits.maximumProtocols)
        }
        for protocolID in protocols {
            self.nextID += 1
            let registration = Registration(id: RegistrationID(rawValue: self.nextID), target: target)
            if policy == .takeTurns, self.entries[protocolID] != nil {
                self.entries[protocolID]?.registrations.append(registration)
            } else {
                self.entries[protocolID] = Entry(kind: target.kind, owner: owner, registrations: [registration])
            }
        }
    }

    private func check(
        _ entry: Entry,
        of protocolID: ProtocolID,
        kind: Kind,
        policy: RegistrationPolicy,
        owner: HandlerOwner
    ) throws(RegistrationError) {
        guard policy != .exclusive, entry.kind == kind else {
            throw .alreadySet(protocolID)
        }
        guard owner.mayChange(handlersOf: entry.owner) else {
            throw .otherOwner(protocolID)
        }
        guard policy == .replace || entry.registrations.count < self.limits.maximumTargets else {
            throw .tooManyTargets(protocolID, self.limits.maximumTargets)
        }
    }

    /// Removes one registration of the address from each of the protocols, or from none when one of them has it not.
    ///
    /// What belongs to somebody else is answered as if it did not exist.
    package mutating func remove(
        _ address: Multiaddr,
        for protocols: [ProtocolID],
        owner: HandlerOwner
    ) throws(RegistrationError) {
        var found: [(ProtocolID, RegistrationID)] = []
        for protocolID in protocols {
            guard
                let entry = self.entries[protocolID], entry.kind == .streams,
                owner.mayChange(handlersOf: entry.owner)
            else {
                throw .doesNotExist(protocolID)
            }
            let registration = entry.registrations.first { registration in
                guard case .endpoint(let candidate, owner: _) = registration.target else {
                    return false
                }
                return candidate.multiaddr == address && !found.contains { $0 == (protocolID, registration.id) }
            }
            guard let registration else {
                throw .doesNotExistAt(protocolID, address)
            }
            found.append((protocolID, registration.id))
        }
        for (protocolID, id) in found {
            self.drop(id, of: protocolID)
        }
    }

    /// Removes what a persistent connection has registered for one protocol.
    package mutating func remove(
        _ protocolID: ProtocolID,
        of connection: PersistentConnectionID
    ) throws(RegistrationError) {
        guard let entry = self.entries[protocolID], entry.kind == .unary else {
            throw .doesNotExist(protocolID)
        }
        guard let own = entry.registrations.first(where: { $0.target == .persistentConnection(connection) }) else {
            throw .notOfThisConnection(protocolID)
        }
        self.drop(own.id, of: protocolID)
    }

    /// Removes everything a persistent connection has registered.
    /// - Returns: the protocols concerned.
    package mutating func removeAll(of connection: PersistentConnectionID) -> [ProtocolID] {
        var concerned: [ProtocolID] = []
        for (protocolID, entry) in self.entries where entry.kind == .unary {
            let own = entry.registrations.filter { $0.target == .persistentConnection(connection) }
            guard !own.isEmpty else { continue }
            concerned.append(protocolID)
            for registration in own {
                self.drop(registration.id, of: protocolID)
            }
        }
        return concerned
    }

    /// Gives the handler whose turn it is, and passes the turn on.
    /// - Parameter tried: handlers that have failed for this stream already.
    package mutating func next(for protocolID: ProtocolID, except tried: Set<RegistrationID>) -> Registration? {
        guard var entry = self.entries[protocolID] else {
            return nil
        }
        let count = entry.registrations.count
        for step in 0..<count {
            let index = (entry.turn + step) % count
            let registration = entry.registrations[index]
            guard !tried.contains(registration.id) else { continue }
            entry.turn = (index + 1) % count
            self.entries[protocolID] = entry
            return registration
        }
        return nil
    }

    /// Removes one registration if it is still there; the turn stays with the handler that has it.
    package mutating func drop(_ id: RegistrationID, of protocolID: ProtocolID) {
        guard
            var entry = self.entries[protocolID],
            let index = entry.registrations.firstIndex(where: { $0.id == id })
        else { return }
        entry.registrations.remove(at: index)
        if index < entry.turn {
            entry.turn -= 1
        }
        self.entries[protocolID] = entry.registrations.isEmpty ? nil : entry
    }
}

extension RegistrationTable.Target {
    var kind: RegistrationTable.Kind {
        switch self {
        case .endpoint: .streams
        case .persistentConnection: .unary
        }
    }
}

/// How much clients may register.
package struct RegistrationLimits: Sendable, Hashable {
    /// Protocols of all clients together.
    package var maximumProtocols = 4096
    /// Handlers that take turns on one protocol.
    package var maximumTargets = 256

    package init() {}
}

/// Why a handler could not be registered or removed. `description` is go-libp2p-daemon's wording where it has one.
package enum RegistrationError: Error, Sendable, Hashable {
    /// The protocol has a handler, and the request did not allow for that.
    case alreadySet(ProtocolID)
    /// Nobody handles the protocol.
    case doesNotExist(ProtocolID)
    /// The protocol is handled, but not there.
    case doesNotExistAt(ProtocolID, Multiaddr)
    /// Handlers are on this machine only, unless configured otherwise.
    case notLocal(Multiaddr)
    /// The handler is another connection's.
    case notOfThisConnection(ProtocolID)
    /// The handler is another user's.
    case otherOwner(ProtocolID)
    /// The daemon itself serves the protocol.
    case reserved(ProtocolID)
    /// As many protocols have handlers as may have.
    case tooManyProtocols(Int)
    /// As many handlers take turns on the protocol as may.
    case tooManyTargets(ProtocolID, Int)
}

extension RegistrationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .alreadySet(let protocolID):
            "handler for protocol \(protocolID) already set"
        case .doesNotExist(let protocolID):
            "handler for protocol \(protocolID) does not exist"
        case .doesNotExistAt(let protocolID, let address):
            "handler for protocol \(protocolID) with maddr \(address) does not exist"
        case .notLocal(let address):
            "handler address \(address) is not a loopback address; use a Unix socket or 127.0.0.1"
        case .notOfThisConnection(let protocolID):
            "handler for protocol \(protocolID) was not created in this persistent connection"
        case .otherOwner(let protocolID):
            "handler for protocol \(protocolID) already set by another user; only that user or root can change it"
        case .reserved(let protocolID):
            "protocol \(protocolID) is served by the daemon itself"
        case .tooManyProtocols(let limit):
            "too many protocols have handlers: at most \(limit) can"
        case .tooManyTargets(let protocolID, let limit):
            "too many handlers for protocol \(protocolID): at most \(limit) can take turns"
        }
    }
}
