//! A peer with its sockets and its clock: one thread, so that it can stand in a network of its own.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use xmppspec_protocol::dns::{Kind, Message};
use xmppspec_protocol::mdns::{GROUP_V4, GROUP_V6, PORT, is_near};

use super::browser::Browser;
use super::packet::{Incoming, Outgoing, To};
use super::records::{ICON, Published};
use super::responder::Responder;
use super::stream::{Stream, StreamNews};
use super::{PeerConfig, PeerEvent, PeerFault, Status};
use crate::Config;
use crate::tls::Identity;

/// How long a peer is looked for before a message to it is given up, and how long a connection to it may take.
const FIND_WITHIN: Duration = Duration::from_secs(5);
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// How long the other side's closing tag is waited for, and the end of its bytes after that.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);
const LINGER: Duration = Duration::from_secs(1);

/// How many streams at a time.
const MOST_STREAMS: usize = 200;

/// How many packets are taken in before what comes of them is worked out, if so many wait.
const PACKETS_AT_ONCE: usize = 256;

/// How many of them are looked at one by one: one that takes back what the one before it said must not hide it.
const PACKETS_ONE_BY_ONE: usize = 16;

/// The largest UDP packet.
const LARGEST: usize = 65_535;

/// What a peer is asked to do.
enum Command {
    Announce,
    Withdraw,
    Status(Status, String),
    Message(String, String),
    Close(String),
    Icon(Vec<u8>),
    Private,
    RequireTls,
    List(oneshot::Sender<Vec<(String, Status, String)>>),
    Stop,
    Kill,
}

/// A running peer, offline until it is told to announce itself. Dropping it ends it without a goodbye.
#[derive(Debug)]
pub struct Peer {
    commands: mpsc::UnboundedSender<Command>,
    ended: Option<oneshot::Receiver<()>>,
}

impl Peer {
    /// Starts a peer on a thread of its own. `enter` runs there first: it may go to another network namespace. What the user
    /// sees comes over the receiver.
    ///
    /// # Errors
    /// Those of `enter`, and of binding sockets.
    pub async fn start(
        config: PeerConfig,
        enter: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) -> io::Result<(Peer, mpsc::UnboundedReceiver<PeerEvent>)> {
        let (commands, asked) = mpsc::unbounded_channel();
        let (events, seen) = mpsc::unbounded_channel();
        let (ready, is_ready) = oneshot::channel();
        let (ended, has_ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("peer".to_owned())
            .spawn(move || {
                let runtime = enter().and_then(|()| {
                    tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .build()
                });
                let runtime = match runtime {
                    Ok(runtime) => runtime,
                    Err(error) => return drop(ready.send(Err(error))),
                };
                runtime.block_on(async {
                    match Running::new(config, events).await {
                        Ok(mut running) => {
                            let _ = ready.send(Ok(()));
                            running.run(asked).await;
                        }
                        Err(error) => drop(ready.send(Err(error))),
                    }
                });
                drop(runtime);
                let _ = ended.send(());
            })?;
        is_ready.await.map_err(io::Error::other)??;
        let peer = Peer {
            commands,
            ended: Some(has_ended),
        };
        Ok((peer, seen))
    }

    fn ask(&self, command: Command) {
        // A peer that has ended does nothing any more; whoever waits for an event of it will not get one.
        let _ = self.commands.send(command);
    }

    /// Comes online.
    pub fn announce(&self) {
        self.ask(Command::Announce);
    }

    /// Goes offline.
    pub fn withdraw(&self) {
        self.ask(Command::Withdraw);
    }

    /// Takes a status with a text, which may be empty.
    pub fn status(&self, status: Status, text: &str) {
        self.ask(Command::Status(status, text.to_owned()));
    }

    /// Says something to another peer, over the stream that there is or a new one.
    pub fn message(&self, to: &str, text: &str) {
        self.ask(Command::Message(to.to_owned(), text.to_owned()));
    }

    /// Closes the streams with another peer.
    pub fn close(&self, to: &str) {
        self.ask(Command::Close(to.to_owned()));
    }

    /// Publishes an image; up to 8900 bytes.
    pub fn icon(&self, image: Vec<u8>) {
        self.ask(Command::Icon(image));
    }

    /// Publishes nothing personal any longer.
    pub fn private(&self) {
        self.ask(Command::Private);
    }

    /// Accepts nothing in the clear any longer.
    pub fn require_tls(&self) {
        self.ask(Command::RequireTls);
    }

    /// Whom it shows: instance name, status, text.
    pub async fn list(&self) -> Vec<(String, Status, String)> {
        let (answer, answered) = oneshot::channel();
        self.ask(Command::List(answer));
        answered.await.unwrap_or_default()
    }

    /// Ends it as its user would: with a goodbye, and closed streams.
    pub async fn stop(mut self) {
        self.ask(Command::Stop);
        self.ended().await;
    }

    /// Ends it as a crash would: without a word.
    pub async fn kill(mut self) {
        self.ask(Command::Kill);
        self.ended().await;
    }

    async fn ended(&mut self) {
        if let Some(ended) = self.ended.take() {
            let _ = ended.await;
        }
    }
}

/// The UDP sockets of a peer.
struct Sockets {
    index: u32,
    /// That hear the groups.
    groups: [Option<UdpSocket>; 2],
    /// Those of its own addresses.
    own: [Option<UdpSocket>; 2],
    /// For a fault: other ports to send from.
    other: [Option<UdpSocket>; 2],
}

fn udp(address: SocketAddr, config: &PeerConfig, join: bool) -> io::Result<UdpSocket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    // Other responders of the machine listen on 5353 too (RFC 6762 section 15).
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    // A socket of a group hears of every interface on which anybody has joined it.
    socket.bind_device(Some(config.interface.as_bytes()))?;
    let ttl = if config.has(PeerFault::LowIpTtl) {
        1
    } else {
        255
    };
    match address {
        SocketAddr::V4(_) => {
            socket.set_multicast_ttl_v4(ttl)?;
            socket.set_ttl_v4(ttl)?;
            let own = config.v4.unwrap_or(Ipv4Addr::LOCALHOST);
            socket.set_multicast_if_v4(&own)?;
            if join {
                let interface = InterfaceIndexOrAddress::Index(config.index);
                socket.join_multicast_v4_n(&GROUP_V4, &interface)?;
            }
        }
        SocketAddr::V6(_) => {
            socket.set_only_v6(true)?;
            socket.set_multicast_hops_v6(ttl)?;
            socket.set_unicast_hops_v6(ttl)?;
            socket.set_multicast_if_v6(config.index)?;
            if join {
                socket.join_multicast_v6(&GROUP_V6, config.index)?;
            }
        }
    }
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

impl Sockets {
    fn open(config: &PeerConfig) -> io::Result<Sockets> {
        let group_v4 = SocketAddr::from(SocketAddrV4::new(GROUP_V4, PORT));
        let group_v6 = SocketAddr::from(SocketAddrV6::new(GROUP_V6, PORT, 0, config.index));
        let (v4, v6) = (config.v4, config.v6);
        let own = |port: u16| -> io::Result<[Option<UdpSocket>; 2]> {
            let v4 = v4.map(|a| udp((a, port).into(), config, false));
            let v6 = v6.map(|a| {
                udp(
                    SocketAddrV6::new(a, port, 0, config.index).into(),
                    config,
                    false,
                )
            });
            Ok([v4.transpose()?, v6.transpose()?])
        };
        Ok(Sockets {
            index: config.index,
            groups: [
                v4.map(|_| udp(group_v4, config, true)).transpose()?,
                v6.map(|_| udp(group_v6, config, true)).transpose()?,
            ],
            own: own(PORT)?,
            other: if config.has(PeerFault::OtherSourcePort) {
                own(0)?
            } else {
                [None, None]
            },
        })
    }

    async fn send(&self, packet: &Outgoing) {
        let targets: Vec<SocketAddr> = match packet.to {
            To::Group => vec![
                (GROUP_V4, PORT).into(),
                SocketAddrV6::new(GROUP_V6, PORT, 0, self.index).into(),
            ],
            To::Address(address) => vec![address],
        };
        for target in targets {
            let family = usize::from(target.is_ipv6());
            if let Some(socket) = self.other[family].as_ref().or(self.own[family].as_ref()) {
                // A link that is down, or a host that refuses: multicast DNS expects packets to be lost.
                let _ = socket.send_to(&packet.bytes, target).await;
            }
        }
    }

    /// The next packet: its bytes' number in `buffer`, its source, and whether it came to a group.
    async fn receive(&self, buffers: &mut [Vec<u8>; 4]) -> (Vec<u8>, SocketAddr, bool) {
        async fn one(socket: Option<&UdpSocket>, buffer: &mut [u8]) -> (Vec<u8>, SocketAddr) {
            let Some(socket) = socket else {
                return std::future::pending().await;
            };
            loop {
                // Errors are those of packets sent before.
                if let Ok((n, source)) = socket.recv_from(buffer).await {
                    return (buffer[..n].to_vec(), source);
                }
            }
        }
        let [a, b, c, d] = buffers;
        let (packet, multicast) = tokio::select! {
            p = one(self.groups[0].as_ref(), a) => (p, true),
            p = one(self.groups[1].as_ref(), b) => (p, true),
            p = one(self.own[0].as_ref(), c) => (p, false),
            p = one(self.own[1].as_ref(), d) => (p, false),
        };
        (packet.0, packet.1, multicast)
    }
}

/// What a stream is told.
enum ToStream {
    Say(String),
    Presence,
    Close,
}

/// What a stream tells.
enum FromStream {
    News(StreamNews),
    /// It has ended; `lost`: by the network.
    Ended {
        lost: bool,
    },
}

/// A stream, seen from the peer.
struct Conversation {
    them: String,
    commands: mpsc::UnboundedSender<ToStream>,
    closing: bool,
}

/// A message whose addressee is being looked for.
struct Sought {
    to: String,
    texts: Vec<String>,
    until: Duration,
}

struct Running {
    config: Arc<PeerConfig>,
    identity: Arc<Identity>,
    began: Instant,
    sockets: Sockets,
    listeners: [Option<TcpListener>; 2],
    responder: Responder,
    browser: Browser,
    events: mpsc::UnboundedSender<PeerEvent>,
    shown: Option<String>,
    conversations: BTreeMap<u64, Conversation>,
    next: u64,
    sought: Vec<Sought>,
    told: mpsc::UnboundedSender<(u64, FromStream)>,
    tell: mpsc::UnboundedReceiver<(u64, FromStream)>,
}

/// Listeners on all addresses, with one port.
async fn listen(config: &PeerConfig) -> io::Result<([Option<TcpListener>; 2], u16)> {
    for _ in 0..16 {
        let v4 = match config.v4 {
            Some(address) => Some(TcpListener::bind((address, 0)).await?),
            None => None,
        };
        let port = v4
            .as_ref()
            .map_or(Ok(0), |l| l.local_addr().map(|a| a.port()))?;
        let v6 = match config.v6.filter(|_| !config.has(PeerFault::OneFamily)) {
            Some(address) => {
                match TcpListener::bind(SocketAddrV6::new(address, port, 0, config.index)).await {
                    // Taken by somebody over the other family.
                    Err(e) if e.kind() == io::ErrorKind::AddrInUse => continue,
                    other => Some(other?),
                }
            }
            None => None,
        };
        let port = v6
            .as_ref()
            .map_or(Ok(port), |l| l.local_addr().map(|a| a.port()))?;
        return Ok(([v4, v6], port));
    }
    Err(io::ErrorKind::AddrInUse.into())
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    loop {
        if let Ok((socket, _)) = listener.accept().await {
            return socket;
        }
        // No descriptor left: somebody must end first.
        tokio::task::yield_now().await;
    }
}

impl Running {
    async fn new(
        config: PeerConfig,
        events: mpsc::UnboundedSender<PeerEvent>,
    ) -> io::Result<Running> {
        let (listeners, port) = listen(&config).await?;
        let sockets = Sockets::open(&config)?;
        let identity = Arc::new(Identity::generate(&Config::new(&format!(
            "{}.local",
            config.machine
        )))?);
        let published = Published {
            v4: config.v4,
            v6: config.v6,
            port,
            status: Status::Available,
            text: String::new(),
            personal: config.personal.clone(),
            icon: None,
        };
        let config = Arc::new(config);
        let mut rng = StdRng::seed_from_u64(config.seed);
        let other = StdRng::from_rng(&mut rng);
        let (told, tell) = mpsc::unbounded_channel();
        Ok(Running {
            identity,
            began: Instant::now(),
            sockets,
            listeners,
            responder: Responder::new(Arc::clone(&config), published, rng),
            browser: Browser::new(Arc::clone(&config), other),
            config,
            events,
            shown: None,
            conversations: BTreeMap::new(),
            next: 0,
            sought: Vec::new(),
            told,
            tell,
        })
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    async fn run(&mut self, mut asked: mpsc::UnboundedReceiver<Command>) {
        let mut buffers = [(); 4].map(|()| vec![0; LARGEST]);
        loop {
            self.advance().await;
            let deadlines = [self.responder.deadline(), self.browser.deadline()];
            let sought = self.sought.iter().map(|s| s.until);
            let deadline = deadlines.into_iter().flatten().chain(sought).min();
            let wake = self.began + deadline.unwrap_or(Duration::from_secs(3600));
            tokio::select! {
                (bytes, source, multicast) = self.sockets.receive(&mut buffers) => {
                    self.received(&bytes, source, multicast);
                    self.receive_more(&mut buffers).await;
                }
                socket = accept(self.listeners[0].as_ref()) => self.accepted(socket),
                socket = accept(self.listeners[1].as_ref()) => self.accepted(socket),
                Some((id, told)) = self.tell.recv() => self.told(id, told),
                command = asked.recv() => match command {
                    None | Some(Command::Kill) => return,
                    Some(Command::Stop) => return self.stop().await,
                    Some(command) => self.command(command),
                },
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Takes in what waits already. Working out what a packet changes for the user costs more than the packet, so that it is
    /// done for each only as long as there are few.
    async fn receive_more(&mut self, buffers: &mut [Vec<u8>; 4]) {
        for n in 1..PACKETS_AT_ONCE {
            if n < PACKETS_ONE_BY_ONE {
                self.advance().await;
            }
            tokio::select! {
                biased;
                (bytes, source, multicast) = self.sockets.receive(buffers) => {
                    self.received(&bytes, source, multicast);
                }
                () = std::future::ready(()) => return,
            }
        }
    }

    /// Does all that is due, and sends and tells what comes of it.
    async fn advance(&mut self) {
        let now = self.now();
        self.responder.advance(now);
        let me = self.responder.identity.instance();
        self.browser.advance(now, &me);
        self.seek(now);
        let packets = [self.responder.take_output(), self.browser.take_output()];
        for packet in packets.into_iter().flatten() {
            self.sockets.send(&packet).await;
        }
        if self.responder.is_on() {
            let label = self.responder.identity.label();
            if self.shown.as_ref() != Some(&label) {
                self.shown = Some(label.clone());
                self.tell_user(PeerEvent::SelfOnline { peer: label });
            }
        }
        for event in self.browser.take_events() {
            self.tell_user(event);
        }
    }

    fn tell_user(&self, event: PeerEvent) {
        // Nobody may be watching.
        let _ = self.events.send(event);
    }

    fn received(&mut self, bytes: &[u8], source: SocketAddr, multicast: bool) {
        let own = match source.ip() {
            IpAddr::V4(a) => self.config.v4 == Some(a),
            IpAddr::V6(a) => self.config.v6 == Some(a),
        };
        let far = |own| self.config.only_near && !is_near(own, source.ip());
        if own || self.config.v4.is_some_and(far) {
            return;
        }
        let Ok(message) = Message::decode(bytes) else {
            return;
        };
        let packet = Incoming {
            source,
            multicast,
            message,
        };
        let now = self.now();
        self.responder.received(&packet, now);
        self.browser.received(&packet, now);
    }

    fn command(&mut self, command: Command) {
        let now = self.now();
        match command {
            Command::Announce => {
                self.responder.begin(now);
                self.browser.begin(now);
            }
            Command::Withdraw => self.go_offline(),
            Command::Status(status, text) => {
                self.responder.published.status = status;
                self.responder.published.text = text;
                self.responder.update(Kind::TXT, now);
                for conversation in self.conversations.values() {
                    let _ = conversation.commands.send(ToStream::Presence);
                }
            }
            Command::Message(to, text) => self.say(to, text, now),
            Command::Close(to) => {
                for conversation in self.conversations.values_mut().filter(|c| c.them == to) {
                    conversation.closing = true;
                    let _ = conversation.commands.send(ToStream::Close);
                }
            }
            Command::Icon(image) if image.len() > ICON => {
                let text = format!("an icon of {} bytes is too large", image.len());
                self.tell_user(PeerEvent::Error { text });
            }
            Command::Icon(image) => {
                self.responder.published.icon = Some(image);
                self.responder.update(Kind::NULL, now);
                self.responder.update(Kind::TXT, now);
            }
            Command::Private => {
                if !self.config.has(PeerFault::AlwaysPersonal) {
                    self.responder.published.personal.clear();
                    self.responder.update(Kind::TXT, now);
                }
            }
            Command::RequireTls => Arc::make_mut(&mut self.config).require_tls = true,
            Command::List(answer) => drop(answer.send(self.browser.contacts())),
            Command::Stop | Command::Kill => {}
        }
    }

    fn go_offline(&mut self) {
        self.responder.end();
        self.browser.end();
        for conversation in self.conversations.values_mut() {
            conversation.closing = true;
            let _ = conversation.commands.send(ToStream::Close);
        }
        if self.shown.take().is_some() {
            self.tell_user(PeerEvent::SelfOffline);
        }
    }

    async fn stop(&mut self) {
        self.go_offline();
        self.advance().await;
        let closed = async {
            while !self.conversations.is_empty() {
                match self.tell.recv().await {
                    Some((id, FromStream::Ended { .. })) => drop(self.conversations.remove(&id)),
                    Some(_) => {}
                    None => return,
                }
            }
        };
        // Whoever does not close its stream does not keep this one from ending.
        let _ = timeout(LINGER, closed).await;
    }

    // Streams.

    fn say(&mut self, to: String, text: String, now: Duration) {
        let open = self
            .conversations
            .values()
            .rev()
            .find(|c| c.them == to && !c.closing);
        if let Some(conversation) = open.filter(|_| !self.config.has(PeerFault::SecondStream)) {
            let _ = conversation.commands.send(ToStream::Say(text));
            return;
        }
        match self.sought.iter_mut().find(|s| s.to == to) {
            Some(sought) => sought.texts.push(text),
            None => self.sought.push(Sought {
                to,
                texts: vec![text],
                until: now + FIND_WITHIN,
            }),
        }
    }

    /// Opens streams to those who have been found.
    fn seek(&mut self, now: Duration) {
        for sought in std::mem::take(&mut self.sought) {
            if let Some(addresses) = self.browser.find(&sought.to, now) {
                self.browser.found(&sought.to);
                self.connect(sought, addresses);
            } else if sought.until <= now {
                self.browser.found(&sought.to);
                let text = format!("{} was not found", sought.to);
                self.tell_user(PeerEvent::Error { text });
            } else {
                self.sought.push(sought);
            }
        }
    }

    fn connect(&mut self, sought: Sought, addresses: Vec<SocketAddr>) {
        let me = self.responder.identity.label();
        let mut stream = Stream::opened(
            Arc::clone(&self.config),
            Arc::clone(&self.identity),
            &me,
            &sought.to,
        );
        for text in &sought.texts {
            stream.say(text);
        }
        let (id, commands) = self.register(sought.to);
        let (config, told) = (Arc::clone(&self.config), self.told.clone());
        tokio::spawn(async move {
            for address in addresses {
                if let Ok(Ok(socket)) = timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
                    return converse(socket, stream, commands, (id, told), &config).await;
                }
            }
            let news = StreamNews::Failed("nobody listens where the records say".to_owned());
            let _ = told.send((id, FromStream::News(news)));
            let _ = told.send((id, FromStream::Ended { lost: false }));
        });
    }

    fn accepted(&mut self, socket: TcpStream) {
        let refused = self.config.has(PeerFault::ServesOnlyTold) && self.browser.knows_nameless();
        if self.conversations.len() >= MOST_STREAMS || refused {
            return;
        }
        let me = self.responder.identity.label();
        let stream = Stream::accepted(Arc::clone(&self.config), Arc::clone(&self.identity), &me);
        let (id, commands) = self.register(String::new());
        let (config, told) = (Arc::clone(&self.config), self.told.clone());
        tokio::spawn(async move { converse(socket, stream, commands, (id, told), &config).await });
    }

    fn register(&mut self, them: String) -> (u64, mpsc::UnboundedReceiver<ToStream>) {
        let (commands, asked) = mpsc::unbounded_channel();
        let id = self.next;
        self.next += 1;
        let conversation = Conversation {
            them,
            commands,
            closing: false,
        };
        self.conversations.insert(id, conversation);
        (id, asked)
    }

    fn told(&mut self, id: u64, told: FromStream) {
        match told {
            FromStream::News(StreamNews::Opened(them)) => {
                if let Some(conversation) = self.conversations.get_mut(&id) {
                    conversation.them = them;
                }
            }
            FromStream::News(StreamNews::Message { peer, text }) => {
                self.tell_user(PeerEvent::Message { peer, text });
            }
            FromStream::News(StreamNews::Failed(text)) => self.tell_user(PeerEvent::Error { text }),
            FromStream::Ended { lost } => {
                self.conversations.remove(&id);
                if lost && self.config.has(PeerFault::DiesOfReset) {
                    self.listeners = [None, None];
                    // Also those that were accepted before the loss was noticed.
                    self.conversations.clear();
                }
            }
        }
    }
}

/// Moves the bytes of one stream until both directions are closed.
async fn converse(
    mut socket: TcpStream,
    mut stream: Stream,
    mut commands: mpsc::UnboundedReceiver<ToStream>,
    (id, told): (u64, mpsc::UnboundedSender<(u64, FromStream)>),
    config: &PeerConfig,
) {
    // Small packets are all there is; a conversation should not wait for a full one.
    let _ = socket.set_nodelay(true);
    let mut buffer = [0; 8192];
    let mut lost = false;
    let mut close_until: Option<Instant> = None;
    loop {
        let out = std::mem::take(stream.output());
        if socket.write_all(&out).await.is_err() {
            lost = true;
            break;
        }
        for news in stream.take_news() {
            let _ = told.send((id, FromStream::News(news)));
        }
        if stream.is_finished() {
            break;
        }
        if stream.is_closing() && close_until.is_none() {
            close_until = Some(Instant::now() + CLOSE_WITHIN);
        }
        tokio::select! {
            read = socket.read(&mut buffer) => match read {
                Ok(0) => {
                    lost |= !stream.is_closing();
                    stream.end_of_input();
                }
                Ok(n) => stream.received(&buffer[..n]),
                Err(_) => {
                    lost = true;
                    break;
                }
            },
            command = commands.recv() => match command {
                Some(ToStream::Say(text)) => stream.say(&text),
                Some(ToStream::Presence) => stream.presence(),
                Some(ToStream::Close) => stream.close(),
                None => break,
            },
            () = sleep_until(close_until.unwrap_or_else(Instant::now)), if close_until.is_some() => break,
        }
    }
    let keeps = config.has(PeerFault::KeepsTcp) && !lost;
    if !keeps {
        let _ = socket.shutdown().await;
    }
    // What is unread when a socket is closed resets the connection, and takes what was sent last with it.
    let rest = async { while socket.read(&mut buffer).await.is_ok_and(|n| n > 0) {} };
    if keeps {
        rest.await;
    } else {
        let _ = timeout(LINGER, rest).await;
    }
    let _ = told.send((id, FromStream::Ended { lost }));
}
