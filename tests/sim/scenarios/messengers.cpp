// SPDX-License-Identifier: BSL-1.0
// Unix sockets: datagrams of many senders into a queue of few, and connections that are passed along in
// messages. Who sends or receives gives up at any moment. What is said to be sent arrives, once and in
// its sender's order, and every connection that was passed is closed in the end, by whoever got it last.
#include "giving_up.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace coir_scenarios {
namespace {

constexpr int senders = 5;
constexpr int letters = 16;  // of each sender
constexpr int parcels = 16;

const coir::Address& office() {
    static const coir::Address address = coir::Address::unix_path("/coir-messengers-office");
    return address;
}

const coir::Address& depot() {
    static const coir::Address address = coir::Address::unix_path("/coir-messengers-depot");
    return address;
}

// --- Letters ------------------------------------------------------------------------------------

struct Mail {
    Dice dice;
    std::map<int, std::vector<int>> sent;      // what send has said of
    std::map<int, std::vector<int>> received;
};

void write_letters(Mail& mail, int sender) {
    auto socket = coir::Socket::create(AF_UNIX, SOCK_DGRAM);
    // Who names the receiver is not told of room in its queue.
    const bool names = mail.dice.below(2) == 0;
    if (!names) socket.connect(office());
    for (int number = 0; number < letters; ++number) {
        const std::string text = std::to_string(sender) + " " + std::to_string(number);
        auto post = [&] {
            const std::size_t size = names ? socket.send_to(text, office()) : socket.send(text);
            expect(size == text.size(), "a datagram is sent as a whole");
            mail.sent[sender].push_back(number);
        };
        wait_for_a_while(mail.dice, std::chrono::microseconds(mail.dice.below(400)), post);
    }
}

int number_in(std::string_view text) {
    int number = -1;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

void read_letters(Mail& mail, coir::Socket& box) {
    bool at_end = false;
    char buffer[64];
    auto read = [&] {
        const coir::Datagram letter = box.recv_from(buffer);
        const std::string_view text(buffer, letter.size);
        at_end = text == "end";
        if (at_end) return;
        const std::size_t space = text.find(' ');
        expect(space != text.npos, "a letter comes as it was sent");
        mail.received[number_in(text)].push_back(number_in(text.substr(space + 1)));
    };
    while (!at_end) {
        if (mail.dice.below(4) == 0) coir::sleep(std::chrono::microseconds(mail.dice.below(600)));
        wait_for_a_while(mail.dice, std::chrono::microseconds(mail.dice.below(300)), read);
    }
}

void check(const Mail& mail) {
    for (int sender = 0; sender < senders; ++sender) {
        const auto got = mail.received.find(sender);
        const std::vector<int> received = got == mail.received.end() ? std::vector<int>() : got->second;
        const auto disorder = std::adjacent_find(received.begin(), received.end(), std::greater_equal<>());
        expect(disorder == received.end(), "letters come once, and in their order");
        const auto said = mail.sent.find(sender);
        if (said == mail.sent.end()) continue;
        expect(std::includes(received.begin(), received.end(), said->second.begin(), said->second.end()),
               "what was sent has arrived");
    }
}

void exchange_letters() {
    Mail mail;
    auto box = coir::Socket::create(AF_UNIX, SOCK_DGRAM);
    box.bind(office());
    auto reader = coir::create_task([&] { read_letters(mail, box); });
    coir::with_task_group([&](coir::TaskGroup& group) {
        for (int i = 0; i < senders; ++i) group.create_task([&mail, i] { write_letters(mail, i); });
    });
    auto last = coir::Socket::create(AF_UNIX, SOCK_DGRAM);
    last.send_to("end", office());
    coir::await(reader);
    check(mail);
}

// --- Parcels ------------------------------------------------------------------------------------

using Pair = std::pair<coir::Socket, coir::Socket>;

Pair connect_to(coir::Socket& listener) {
    auto client = coir::Socket::create(AF_UNIX, SOCK_STREAM);
    client.connect(depot());
    return {std::move(client), listener.accept()};
}

// Each is given away, whether or not it is sent.
void send_parcels(Dice& dice, coir::Socket& to, coir::Socket& listener, std::vector<coir::Socket>& kept) {
    for (int i = 0; i < parcels; ++i) {
        Pair parcel = connect_to(listener);
        kept.push_back(std::move(parcel.second));
        const coir::Fd given = parcel.first.release();
        auto send = [&] { to.send_fds("p", {given.get()}); };
        wait_for_a_while(dice, std::chrono::microseconds(dice.below(200)), send);
    }
    to.shutdown(SHUT_WR);
}

// Some are opened, some thrown away: by not asking for them, or by giving up.
void receive_parcels(Dice& dice, coir::Socket& from) {
    bool at_end = false;
    char buffer[4];
    auto receive = [&] {
        if (dice.below(4) == 0) {
            at_end = from.recv(buffer) == 0;
            return;
        }
        coir::ReceivedFds received = from.recv_fds(buffer, 1 + dice.below(2));
        at_end = received.size == 0;
        for (coir::Fd& fd : received.fds) coir::Socket(std::move(fd)).send("opened");
    };
    while (!at_end) wait_for_a_while(dice, std::chrono::microseconds(dice.below(300)), receive);
}

void exchange_parcels() {
    Dice dice;
    auto listener = coir::Socket::create(AF_UNIX, SOCK_STREAM);
    listener.bind(depot());
    listener.listen(4);
    std::vector<coir::Socket> kept;
    {
        Pair line = connect_to(listener);
        auto receiver = coir::create_task([&] { receive_parcels(dice, line.second); });
        send_parcels(dice, line.first, listener, kept);
        coir::await(receiver);
    }
    char buffer[16];
    for (coir::Socket& other : kept) {
        while (other.recv(buffer) != 0) {
        }
    }
}

void messengers() {
    exchange_letters();
    exchange_parcels();
}

}  // namespace

const Scenario messengers_scenario = {
    "messengers", "Unix datagrams and passed descriptors, with senders and receivers that give up",
    &in_loop<messengers>};

}  // namespace coir_scenarios
