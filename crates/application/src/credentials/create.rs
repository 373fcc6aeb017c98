//! Making credentials.

use crate::{AppError, Application, ErrorKind};
use gatepost_domain::credentials::{Credential, CredentialName, SecretAccessKey};
use gatepost_domain::{AccountId, PageLimit, PageRequest, Version};
use gatepost_policy::{Policy, ReadyMade};
use gatepost_storage::{Entity, StorageError, StoredCredential};

/// Of 2^80 ids a second one in a row that is taken is not chance.
const ID_ATTEMPTS: usize = 2;

/// A credential to be made.
pub struct NewCredential {
    /// The account whose resources its bearer sees.
    pub account: AccountId,
    /// What its owner calls it.
    pub name: Option<CredentialName>,
    /// The text of its policy document.
    pub policy: String,
}

/// A credential that is made and not kept: nobody can sign with it yet.
pub struct PreparedCredential {
    credential: Credential,
    secret: SecretAccessKey,
}

impl PreparedCredential {
    /// All but the secret.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// The secret.
    #[must_use]
    pub fn secret(&self) -> &SecretAccessKey {
        &self.secret
    }
}

/// What a first start found.
pub enum FirstCredential {
    /// The installation is in use already.
    NotNeeded,
    /// There is none: here is one that may do everything, to be told and then
    /// [kept](Application::keep_first_credential).
    Due(Box<PreparedCredential>),
}

impl Application {
    /// Makes a credential. Its secret is given here and never again.
    pub async fn create_credential(
        &self,
        new: NewCredential,
    ) -> Result<(Credential, SecretAccessKey), AppError> {
        let mut prepared = self.prepare_credential(new)?;
        for _ in 0..ID_ATTEMPTS {
            match self.insert_credential(&prepared).await {
                Ok(()) => return Ok((prepared.credential, prepared.secret)),
                Err(StorageError::AlreadyExists(Entity::Credential)) => {
                    prepared.credential.id = self.ids.access_key_id();
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(AppError::internal("fresh access key ids are taken again and again"))
    }

    /// Prepares an administrator of this account where there is no credential at all and no key of the account, so that
    /// a new installation has a door. Two processes that do it at once may make one each.
    pub async fn first_credential(&self, account: AccountId) -> Result<FirstCredential, AppError> {
        // Who has deleted the last credential of an installation that is in use has shut its door on purpose.
        let is_new =
            !self.has_credentials().await? && self.storage.reader().count_api_keys(account).await? == 0;
        if !is_new {
            return Ok(FirstCredential::NotNeeded);
        }
        let policy = ReadyMade::Administrator.document().to_owned();
        let name = CredentialName::parse("first").ok();
        let prepared = self.prepare_credential(NewCredential { account, name, policy })?;
        Ok(FirstCredential::Due(Box::new(prepared)))
    }

    /// Keeps the first credential, once somebody has been told its secret. In this order a process that ends in between
    /// leaves a secret that opens nothing, and the next start makes another; the other way round it would leave a
    /// credential that nobody knows, and no start would ever make one that somebody does.
    pub async fn keep_first_credential(&self, told: &PreparedCredential) -> Result<(), AppError> {
        Ok(self.insert_credential(told).await?)
    }

    /// Whether there is any credential.
    pub async fn has_credentials(&self) -> Result<bool, AppError> {
        let page = PageRequest { after: None, limit: PageLimit::or_default(1) };
        let page = self.storage.reader().list_credentials(page).await?;
        Ok(!page.items.is_empty())
    }

    fn prepare_credential(&self, new: NewCredential) -> Result<PreparedCredential, AppError> {
        if let Err(error) = Policy::parse(&new.policy) {
            return Err(AppError::new(ErrorKind::BadRequest, format!("the policy: {error}")));
        }
        let credential = Credential {
            id: self.ids.access_key_id(),
            account: new.account,
            name: new.name,
            enabled: true,
            policy: new.policy.into(),
            created: self.clock.now(),
            last_used: None,
            version: Version::FIRST,
        };
        Ok(PreparedCredential { credential, secret: self.ids.secret_access_key() })
    }

    async fn insert_credential(&self, new: &PreparedCredential) -> Result<(), StorageError> {
        let PreparedCredential { credential, secret } = new;
        let sealed = self.custody.seal_secret(credential, secret);
        let stored = StoredCredential { credential: credential.clone(), sealed };
        self.storage.writer().insert_credential(&stored).await
    }
}
