/// A repeatable stream of numbers for tests that mutate inputs.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    /// Prints the seed, so that a failure can be repeated.
    init(seed: UInt64) {
        print("seed 0x\(String(seed, radix: 16))")
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Alters, removes, inserts or cuts some bytes, or replaces them all.
    mutating func mutate(_ bytes: inout [UInt8]) {
        for _ in 0...Int.random(in: 0..<4, using: &self) {
            let position = Int.random(in: 0...bytes.count, using: &self)
            switch Int.random(in: 0..<16, using: &self) {
            case 0..<8 where position < bytes.count: bytes[position] = UInt8.random(in: 0...255, using: &self)
            case 8..<10 where position < bytes.count: bytes.remove(at: position)
            case 10..<13: bytes.insert(UInt8.random(in: 0...255, using: &self), at: position)
            case 13: bytes.removeSubrange(position...)
            case 14: bytes.insert(contentsOf: bytes.prefix(position), at: position)
            case 15: bytes = (0..<position).map { _ in UInt8.random(in: 0...255, using: &self) }
            default: break
            }
        }
    }
}
