/// First in, first out; allocates nothing while empty and unused, and moves elements out, so that a buffer taken from it is
/// uniquely held.
struct YamuxQueue<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var isEmpty: Bool { self.head == self.elements.count }
    var count: Int { self.elements.count - self.head }

    var first: Element? { self.isEmpty ? nil : self.elements[self.head] }

    mutating func append(_ element: consuming Element) {
        self.elements.append(element)
    }

    /// For the rare case that something goes back to the front.
    mutating func prepend(_ element: consuming Element) {
        if self.head > 0 {
            self.head -= 1
            self.elements[self.head] = element
        } else {
            self.elements.insert(element, at: 0)
        }
    }

    mutating func popFirst() -> Element? {
        guard self.head < self.elements.count else { return nil }
        let element = self.elements[self.head].take()
        self.head += 1
        if self.head == self.elements.count {
            self.elements.removeAll(keepingCapacity: self.elements.capacity <= 64)
            self.head = 0
        } else if self.head >= 64, self.head * 2 >= self.elements.count {
            self.elements.removeSubrange(0..<self.head)
            self.head = 0
        }
        return element
    }

    /// Changes the first element in place; nil when there is none.
    mutating func withFirst<Result>(_ body: (inout Element) -> Result) -> Result? {
        guard !self.isEmpty, var element = self.elements[self.head].take() else { return nil }
        let result = body(&element)
        self.elements[self.head] = element
        return result
    }

    /// Changes the last element in place; nil when there is none.
    mutating func withLast<Result>(_ body: (inout Element) -> Result) -> Result? {
        guard !self.isEmpty, var element = self.elements[self.elements.count - 1].take() else { return nil }
        let result = body(&element)
        self.elements[self.elements.count - 1] = element
        return result
    }
}
