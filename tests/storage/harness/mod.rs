//! What the other tests here take for granted: databases are separate, servers end, and the network fails as told.

mod database;
mod proxy;
mod server;
