# PostgreSQL with the extension, to try it: compose.yaml puts a DynamoDB beside it. script/package container runs the RUN lines.
FROM debian:bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential postgresql-server-dev-15 libcurl4-openssl-dev libssl-dev libcjson-dev zlib1g-dev
WORKDIR /src
COPY . .
RUN make && make install DESTDIR=/installed

FROM debian:bookworm
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates postgresql-15 libcurl4 libssl3 libcjson1 zlib1g && rm -rf /var/lib/apt/lists/*
COPY --from=build /installed /
COPY container /container
RUN pg_conftool 15 main set listen_addresses '*' && echo 'host all all all scram-sha-256' >>/etc/postgresql/15/main/pg_hba.conf
USER postgres
EXPOSE 5432
CMD ["/container/start"]
