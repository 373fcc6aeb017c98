//! HTTP/1.1 with nothing in between: a request is the bytes the test wrote.
//!
//! [`Request`] builds well-formed requests; [`Connection::write`] sends anything at all. An [`Answer`] is always a
//! whole one: a connection that ends without an answer is an error, because the product promises never to drop one.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime};

use gatepost_sigv4::{PayloadHash, Signer, Timestamp};
use serde_json::Value;

use crate::server::Credential;

/// How long a test waits for an answer before it fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// One request, as it goes over the wire.
#[derive(Clone)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A request with only a `Host`.
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: None }
    }

    /// A read that asks for plain JSON.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target).plain()
    }

    /// A JSON request that asks for plain JSON, as every SDK sends it.
    pub fn json(method: &str, target: &str, body: &Value) -> Self {
        Self::new(method, target).plain().header("Content-Type", "application/json").body(body.to_string())
    }

    /// An import of a CSV file.
    pub fn import(query: &str, csv: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", &format!("/apikeys?mode=import{query}")).plain().body(csv)
    }

    /// Asks for plain JSON.
    pub fn plain(self) -> Self {
        self.header("Accept", "application/json")
    }

    /// Takes every `Accept` off again, which asks for HAL.
    pub fn hal(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "Accept");
        self
    }

    /// Adds a header; a second one of the same name does not replace the first.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body; `Content-Length` follows from it.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Signs it as it is now, with AWS Signature Version 4.
    pub fn signed(self, credential: &Credential) -> Self {
        self.signed_at(credential, SystemTime::now())
    }

    /// The same at another time.
    pub fn signed_at(mut self, credential: &Credential, at: SystemTime) -> Self {
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            self.headers.push(("Host".to_owned(), "localhost".to_owned()));
        }
        let mut builder = http::Request::builder().method(self.method.as_str()).uri(&self.target);
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        let (mut parts, ()) = builder.body(()).expect("a request that can be signed").into_parts();
        let seconds = at.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
        let now = Timestamp::from_seconds(i64::try_from(seconds).expect("a time to come"));
        let signer = Signer {
            access_key_id: &credential.access_key_id,
            secret: &credential.secret,
            region: "us-east-1",
            service: "apigateway",
        };
        signer.sign(&mut parts, &PayloadHash::of(self.body_bytes()), now).expect("a credential");
        for name in ["x-amz-date", "x-amz-content-sha256", "authorization"] {
            let value = parts.headers[name].to_str().expect("visible ASCII").to_owned();
            self.headers.push((name.to_owned(), value));
        }
        self
    }

    /// The body, empty when there is none.
    pub fn body_bytes(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }

    /// The request head, with `announced` as its `Content-Length` where given.
    pub fn head(&self, announced: Option<usize>) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str("Host: localhost\r\n");
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(length) = announced {
            head.push_str(&format!("Content-Length: {length}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// The whole request.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head(self.body.as_ref().map(Vec::len));
        bytes.extend_from_slice(self.body_bytes());
        bytes
    }
}

/// One connection to a listener.
pub struct Connection {
    stream: TcpStream,
    buffered: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&to, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffered: Vec::new() })
    }

    /// Sends bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Ends the sending half; the answer can still be read.
    pub fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown(std::net::Shutdown::Write)
    }

    /// Sends a request and reads its answer. The server may answer and stop reading before all of a body is sent.
    pub fn send(&mut self, request: &Request) -> io::Result<Answer> {
        let sent = self.write(&request.bytes());
        match self.answer() {
            Ok(answer) => Ok(answer),
            Err(unread) => Err(sent.err().unwrap_or(unread)),
        }
    }

    /// Reads one final answer, passing over interim ones.
    pub fn answer(&mut self) -> io::Result<Answer> {
        loop {
            let answer = self.one_answer()?;
            if answer.status >= 200 {
                return Ok(answer);
            }
        }
    }

    /// Whether the server has closed the connection: nothing more comes.
    pub fn is_closed(&mut self) -> bool {
        self.buffered.is_empty() && matches!(self.fill(), Ok(0) | Err(_))
    }

    fn one_answer(&mut self) -> io::Result<Answer> {
        let head = self.until(b"\r\n\r\n")?;
        let head = String::from_utf8(head).map_err(|_| malformed("an answer head that is not text"))?;
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok())
            .ok_or_else(|| malformed("no status line"))?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        if let Some(length) = answer.header("content-length") {
            let length = length.parse().map_err(|_| malformed("bad content-length"))?;
            answer.body = self.exactly(length)?;
        } else if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = self.chunks()?;
        }
        Ok(answer)
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.until(b"\r\n")?;
            let size = std::str::from_utf8(&line)
                .ok()
                .and_then(|line| usize::from_str_radix(line.trim().split(';').next()?, 16).ok())
                .ok_or_else(|| malformed("bad chunk size"))?;
            let chunk = self.exactly(size + 2)?;
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn until(&mut self, mark: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = self.buffered.windows(mark.len()).position(|window| window == mark) {
                return Ok(self.buffered.drain(..at + mark.len()).collect());
            }
            self.fill_some()?;
        }
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffered.len() < length {
            self.fill_some()?;
        }
        Ok(self.buffered.drain(..length).collect())
    }

    fn fill_some(&mut self) -> io::Result<()> {
        match self.fill()? {
            0 => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the connection ended without a whole answer",
            )),
            _ => Ok(()),
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut chunk = [0_u8; 16 * 1024];
        let read = loop {
            match self.stream.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.buffered.extend_from_slice(&chunk[..read]);
        Ok(read)
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let name = name.to_ascii_lowercase();
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|why| panic!("{} is not JSON ({why}): {}", self.status, self.text()))
    }

    /// The id under which the server logged this request.
    ///
    /// # Panics
    /// When there is none, or it is not a UUID.
    pub fn request_id(&self) -> &str {
        let id = self.header("x-amzn-requestid").expect("every answer carries x-amzn-RequestId");
        let groups: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12], "x-amzn-RequestId is a UUID, not {id}");
        id
    }

    /// Checks the status and gives the body.
    ///
    /// # Panics
    /// When the status is another one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:?} {}", self.header("x-amzn-errortype"), self.text());
        self.json()
    }

    /// Checks everything an error promises: status, code, request id, media type, and a body that is the message
    /// (and, for the two codes of status 429, the empty member that AWS sends along).
    ///
    /// # Panics
    /// When any of it differs.
    #[track_caller]
    pub fn expect_error(&self, status: u16, code: &str, message: &str) {
        let mut body = serde_json::json!({ "message": message });
        if status == 429 {
            body["retryAfterSeconds"] = Value::Null;
        }
        self.expect_error_like(status, code, |_| true);
        assert_eq!(self.json(), body);
    }

    /// [`Answer::expect_error`] with a condition on the message instead of its exact text.
    ///
    /// # Panics
    /// When any of it differs.
    #[track_caller]
    pub fn expect_error_like(&self, status: u16, code: &str, fits: impl FnOnce(&str) -> bool) {
        let seen = (self.status, self.header("x-amzn-errortype"));
        assert_eq!(seen, (status, Some(code)), "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json"));
        self.request_id();
        let apigw_id = self.header("x-amz-apigw-id").expect("every answer carries x-amz-apigw-id");
        assert!(apigw_id.ends_with('='), "x-amz-apigw-id {apigw_id}");
        let body = self.json();
        let message = body["message"].as_str().expect("an error's body has a message");
        assert!(fits(message), "unexpected message: {message}");
        let members = if status == 429 { 2 } else { 1 };
        assert_eq!(body.as_object().map(serde_json::Map::len), Some(members), "{body}");
    }
}
