/// The calls under way on one persistent connection: those its client makes and those it answers. A pure table.
///
/// The ids of calls the client makes are the client's; the ids of calls it answers are ours. Neither can meet those of another
/// connection, so that no client and no peer can cancel or answer a call that is not its own.
package struct UnaryCallTable<Outbound, Inbound> {
    /// Why a call is not taken.
    package enum Refusal: Error, Sendable, Hashable {
        /// A call with this id is under way.
        case duplicate
        /// The calls under way hold as many bytes as they may.
        case tooManyBytes
        /// As many calls are under way as may be.
        case tooManyCalls
    }

    private struct OutboundEntry {
        /// Tells this call from a later one with the same id.
        let serial: UInt64
        let bytes: Int
        var call: Outbound
    }

    private struct InboundEntry {
        let bytes: Int
        let call: Inbound
    }

    private let maximumCalls: Int
    private let maximumBytes: Int
    private var outbound: [CallID: OutboundEntry] = [:]
    private var inbound: [CallID: InboundEntry] = [:]
    private var outboundBytes = 0
    private var inboundBytes = 0
    private var lastSerial: UInt64 = 0

    package init(maximumCalls: Int, maximumBytes: Int) {
        self.maximumCalls = maximumCalls
        self.maximumBytes = maximumBytes
    }

    package var outboundCount: Int { self.outbound.count }
    package var inboundCount: Int { self.inbound.count }

    /// Takes a call that the client makes.
    /// - Returns: the call's serial number, for its end.
    package mutating func startOutbound(_ id: CallID, bytes: Int, call: Outbound) throws(Refusal) -> UInt64 {
        guard self.outbound[id] == nil else { throw .duplicate }
        guard self.outbound.count < self.maximumCalls else { throw .tooManyCalls }
        guard bytes <= self.maximumBytes - self.outboundBytes else { throw .tooManyBytes }
        self.lastSerial &+= 1
        self.outboundBytes += bytes
        self.outbound[id] = OutboundEntry(serial: self.lastSerial, bytes: bytes, call: call)
        return self.lastSerial
    }

    /// Changes what is kept of a call; false when it has ended.
    package mutating func updateOutbound(_ id: CallID, serial: UInt64, _ update: (inout Outbound) -> Void) -> Bool {
        guard self.outbound[id]?.serial == serial else { return false }
        if var entry = self.outbound[id] {
            update(&entry.call)
            self.outbound[id] = entry
        }
        return true
    }

    /// Ends one call; nil when it has ended before.
    package mutating func endOutbound(_ id: CallID, serial: UInt64) -> Outbound? {
        guard self.outbound[id]?.serial == serial else { return nil }
        return self.cancelOutbound(id)
    }

    /// Ends whichever call has this id now; nil when none has.
    package mutating func cancelOutbound(_ id: CallID) -> Outbound? {
        guard let entry = self.outbound.removeValue(forKey: id) else { return nil }
        self.outboundBytes -= entry.bytes
        return entry.call
    }

    /// Takes a call that the client is to answer. The id is ours.
    package mutating func startInbound(_ id: CallID, bytes: Int, call: Inbound) throws(Refusal) {
        guard self.inbound[id] == nil else { throw .duplicate }
        guard self.inbound.count < self.maximumCalls else { throw .tooManyCalls }
        guard bytes <= self.maximumBytes - self.inboundBytes else { throw .tooManyBytes }
        self.inboundBytes += bytes
        self.inbound[id] = InboundEntry(bytes: bytes, call: call)
    }

    /// Ends a call that was answered or given up; nil when it has ended before.
    package mutating func endInbound(_ id: CallID) -> Inbound? {
        guard let entry = self.inbound.removeValue(forKey: id) else { return nil }
        self.inboundBytes -= entry.bytes
        return entry.call
    }

    /// Ends all calls.
    package mutating func removeAll() -> (outbound: [Outbound], inbound: [Inbound]) {
        defer {
            self.outbound = [:]
            self.inbound = [:]
            self.outboundBytes = 0
            self.inboundBytes = 0
        }
        return (self.outbound.values.map(\.call), self.inbound.values.map(\.call))
    }
}

extension UnaryCallTable.Refusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .duplicate: "a call with this id is under way"
        case .tooManyBytes: "resource limit exceeded: bytes of unary calls under way"
        case .tooManyCalls: "resource limit exceeded: unary calls under way"
        }
    }
}
