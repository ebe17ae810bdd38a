import LibP2PCore
import NIOCore

/// Says which of two connections to one peer stays. Both sides come to the same answer without talking about it.
enum DuplicateRule {
    struct Facts: Sendable, Hashable {
        let direction: Direction
        let openedAt: NIODeadline
        let isRelayed: Bool
    }

    enum Verdict: Sendable, Hashable {
        /// Both stay; streams go to the older.
        case keepBoth
        case supplantNew
        case supplantOld
    }

    /// - Parameters:
    ///   - localIsSmaller: whether our peer ID sorts before the peer's.
    ///   - window: two connections dialled from different sides within this time were dialled simultaneously. More than a dial can
    ///     take, so that both sides see the same.
    static func verdict(
        old: Facts,
        new: Facts,
        localIsSmaller: Bool,
        window: TimeAmount
    ) -> Verdict {
        if old.isRelayed != new.isRelayed {
            return old.isRelayed ? .supplantOld : .supplantNew
        }
        let isSimultaneous = new.openedAt - old.openedAt < window
        guard old.direction != new.direction else {
            // One side dialled twice. It does so on purpose only when it has lost the first one; at the same time it is a race between
            // addresses of ours, which the dialler ends by closing one.
            return isSimultaneous ? .keepBoth : .supplantOld
        }
        guard isSimultaneous else {
            // The peer does not dial while it has a connection: the old one is lost to it.
            return .supplantOld
        }
        let staysDirection: Direction = localIsSmaller ? .outbound : .inbound
        return new.direction == staysDirection ? .supplantOld : .supplantNew
    }
}
