/// What `p2pctl help` says.
enum Help {
    static let overview = """
        p2pctl: use the libp2p daemon p2pd from the shell.

        Usage: p2pctl [OPTION…] COMMAND [ARGUMENT…]

          id                            who this host is and where it can be reached
          peers                         who it is connected to
          connect ADDRESS…              connect to peers, given as /ip4/…/tcp/…/p2p/PEER or as PEER
          disconnect PEER…              close all connections to peers
          stream open PEER PROTOCOL…    open a stream; standard input and output are its ends
          listen PROTOCOL…              take inbound streams
          key generate|show|convert …   make and show identity keys; needs no daemon
          version                       the daemon's version
          help [COMMAND]                this, or more about one command

        Options:
          --control ADDRESS   the daemon's socket: a path, /unix/PATH or /ip4/ADDRESS/tcp/PORT
                              (default: $P2PD_CONTROL, /run/p2pd/control.sock if it exists, /tmp/p2pd.sock)
          --timeout SECONDS   how long connecting and opening may take (default: 60)
          --json              output for programs (id, peers, version)
          -h, --help          help

        Exit codes: 0 done, 1 failed, 2 wrong usage, 3 daemon unreachable, 4 timed out, 5 not found,
        6 denied, 7 peer unreachable.
        """

    static func text(for command: String) -> String? {
        switch command {
        case "connect": self.connect
        case "disconnect":
            "Usage: p2pctl disconnect PEER…\n\nCloses all connections to these peers; done as well where there are none."
        case "help": self.overview
        case "id": "Usage: p2pctl id [--json]\n\nPrints the host's peer ID and the addresses others can connect to."
        case "key": KeyCommand.help
        case "listen": self.listen
        case "peers": "Usage: p2pctl peers [--json]\n\nPrints one line per connection: the peer and its address."
        case "stream": self.stream
        case "version": "Usage: p2pctl version [--json]\n\nPrints the version of the daemon."
        default: nil
        }
    }

    private static let connect = """
        Usage: p2pctl connect [--timeout SECONDS] ADDRESS…

        Connects to each peer, and waits until it has told what it speaks. Several addresses of one peer are tried
        together. A peer ID alone is enough where the daemon knows an address or can find one.

          p2pctl connect /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…
        """

    private static let stream = """
        Usage: p2pctl stream open [--timeout SECONDS] PEER PROTOCOL…

        Opens a stream with the first protocol that the peer speaks. Standard input goes to the peer, what the peer
        sends goes to standard output. The end of the input ends our direction only: the peer can still answer.
        PEER may be an address that ends in /p2p/PEER.

          echo hello | p2pctl stream open 12D3KooW… /echo/1.0.0
        """

    private static let listen = """
        Usage: p2pctl listen [--keep] [--balanced] PROTOCOL… [--exec COMMAND [ARGUMENT…]]

        Takes an inbound stream: its ends are standard input and output. Who connected is said on standard error.

          --keep       go on with the next stream when one has ended
          --balanced   take turns with other listeners of the protocol; otherwise there may be no other
          --exec …     run a command for each stream instead, with the stream as its standard input and output and
                       P2PD_REMOTE_PEER, P2PD_REMOTE_ADDR and P2PD_PROTOCOL in its environment; with --keep many at a time

          p2pctl listen --keep /echo/1.0.0 --exec cat

        The daemon connects to a socket in $P2PD_STREAM_DIR, /run/p2pd/streams, $TMPDIR or /tmp, whichever is there
        first: one that the daemon can see.
        """
}
