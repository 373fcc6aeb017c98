//! Every promise of the storage traits, kept in memory.

use gatepost_storage_memory::MemoryStorage;

async fn storage() -> Box<MemoryStorage> {
    Box::new(MemoryStorage::new())
}

gatepost_storage::conformance::cases!(storage);
