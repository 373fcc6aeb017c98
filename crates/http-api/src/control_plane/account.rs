//! GetAccount: `GET /account`.

use super::{Asked, ControlPlane};
use crate::representation::Document;

pub(super) fn handle(plane: &ControlPlane, asked: &Asked<'_>) -> Document {
    Document::Account(plane.application.get_account(asked.caller))
}
