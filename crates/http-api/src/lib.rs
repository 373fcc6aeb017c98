//! How it is asked: AWS's REST-JSON protocol over hyper.
//!
//! The life of a request on the control listener ([`ControlPlane::answer`]):
//! 1. [`wire`]: a connection is accepted and opened (PROXY header, TLS), a head read within its bounds, and its peer
//!    found; what never becomes a request is refused there.
//! 2. It takes a place among the requests in flight.
//! 3. `head`: a request that does not name exactly one host is refused. [`routing`]: method and raw path name an [`Operation`],
//!    or it is 403 Missing Authentication Token.
//! 4. `auth`: the credential that signed is found; what can be verified without the body is. Without authentication,
//!    nothing that a web page could have sent goes further (`browser`).
//! 5. `control_plane`: `mode` makes `POST /apikeys` an import, which needs its permission before its body is read. Any other body is
//!    read, as far as there is room for what is not verified yet, and the signature verified.
//! 6. `rate`: the account's share of requests, where one is set; then the verdict of the caller's policy.
//! 7. The operation's handler reads what it needs ([`input`]), calls the application, and names a document. It is about a
//!    dozen lines and knows no representation.
//! 8. [`representation`]: the document becomes plain JSON or HAL, as `Accept` asks.
//! 9. `error`: what was refused on the way becomes AWS's code, status and message.
//! 10. The answer gets its request id; one log line, one counter, one duration. A panic anywhere above is a 500 and a
//!     log line.
//!
//! [`DataPlane`] and [`Admin`] serve the other two listeners.

pub mod input;
pub mod operation;
pub mod position;
pub mod representation;
pub mod routing;
pub mod wire;

mod admin;
mod audit;
mod auth;
mod browser;
mod control_plane;
mod data_plane;
mod error;
mod head;
mod observe;
mod rate;

pub use admin::{Admin, Readiness};
pub use audit::AuditSink;
pub use auth::{Authentication, SigV4};
pub use browser::BrowserGuard;
pub use control_plane::{BodyLimits, ControlPlane, UnverifiedBodies};
pub use data_plane::DataPlane;
pub use error::{ApiError, ErrorCode};
pub use observe::Observer;
pub use operation::Operation;
pub use rate::{ControlRate, RateGuard};
